//! Real chains, real venues, and everything that can break: the world that demo, play chain and tests share.

pub mod anvil;
pub mod ask;
pub mod ballot;
pub mod book;
pub mod checker;
pub mod counter;
pub mod demo;
pub mod figures;
pub mod governance;
pub mod keeper;
pub mod load;
pub mod lockstep;
pub mod many;
pub mod message;
pub mod paths;
pub mod playground;
pub mod policies;
pub mod process;
pub mod safe;
pub mod story;
pub mod teller;
pub mod treasury;
pub mod trial;
pub mod venues;
pub mod watch;
pub mod world;
