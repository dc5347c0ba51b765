//! `[http]`: where the keeper is looked at. Without this section it is not.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Where the keeper is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Names besides localhost and addresses by which it is asked.
    pub hosts: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)), hosts: Vec::new() }
    }
}
