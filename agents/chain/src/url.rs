//! Address of an endpoint. Keys stand in its path, query and user part, so none of these is ever printed.

use std::fmt;

use reqwest::Url;

/// Address of an endpoint; prints its scheme and host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// The text is no address of an endpoint. It is not repeated, because it may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an http:// or https:// address of an endpoint")]
pub struct InvalidUrl;

impl EndpointUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// If it is not of scheme http or https, or has no host.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(InvalidUrl);
        }
        Ok(Self(url))
    }

    pub(crate) fn expose(&self) -> Url {
        self.0.clone()
    }
}

/// Address of a websocket; prints its scheme and host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct WebsocketUrl(Url);

/// The text is no address of a websocket. It is not repeated, because it may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a ws:// or wss:// address of an endpoint")]
pub struct InvalidWebsocketUrl;

impl WebsocketUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// If it is not of scheme ws or wss, or has no host.
    pub fn parse(text: &str) -> Result<Self, InvalidWebsocketUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidWebsocketUrl)?;
        if !matches!(url.scheme(), "ws" | "wss") || url.host_str().is_none() {
            return Err(InvalidWebsocketUrl);
        }
        Ok(Self(url))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.as_str()
    }
}

fn scheme_and_host(url: &Url, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
    url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scheme_and_host(&self.0, f)
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for WebsocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scheme_and_host(&self.0, f)
    }
}

impl fmt::Debug for WebsocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_prints() {
        let url = EndpointUrl::parse("https://user:pass@node.example:8545/v2/key?token=t");
        let url = url.expect("an address");
        assert_eq!(format!("{url} {url:?}"), "https://node.example:8545 https://node.example:8545");
    }

    #[test]
    fn a_websocket_prints_its_host_and_has_schemes_of_its_own() {
        let url = WebsocketUrl::parse("wss://user:pass@node.example/v2/key?token=t");
        assert_eq!(format!("{:?}", url.expect("an address")), "wss://node.example");
        for text in ["", "https://node.example", "ws://"] {
            assert_eq!(WebsocketUrl::parse(text), Err(InvalidWebsocketUrl), "{text}");
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for text in ["", "node.example", "ws://node.example", "file:///etc/passwd", "http://"] {
            assert_eq!(EndpointUrl::parse(text), Err(InvalidUrl), "{text}");
        }
    }
}
