//! What people see: amounts, rates, times and tables. Colours only where a person looks.

pub mod attribution;
pub mod backtest;
pub mod doctor;
pub mod journal;
pub mod number;
pub mod overview;
pub mod plan;
pub mod policy;
pub mod rates;
pub mod status;
pub mod table;
pub mod trace;
pub mod verify;
