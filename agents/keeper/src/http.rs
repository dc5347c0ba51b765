//! HTTP for operators: whether it lives, whether it is ready, metrics, and a read-only API described by `openapi.json`.
//!
//! It reads what the loops publish and, by a connection of its own, the journal; it changes nothing, holds nothing up and
//! says nothing that an endpoint or a database has said. There is no authentication: it listens on loopback unless the
//! configuration says otherwise.

mod api;
pub mod ready;
mod routes;

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

pub use routes::{OPENAPI, ROUTES, Route};

use crate::{
    board::Board,
    config::{HttpConfig, JournalUrl},
    exit::{Exit, Failure},
};
use routes::Answer;

/// Connections at a time; further ones wait.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take for the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer may take to be made.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may last.
const CONNECTION_WITHIN: Duration = Duration::from_secs(120);

/// What is served.
pub struct Served {
    pub(crate) board: Arc<Board>,
    pub(crate) journal: api::Books,
    hosts: Vec<String>,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Served {
    /// What a board shows and a journal holds.
    #[must_use]
    pub fn new(board: Arc<Board>, journal: &JournalUrl, config: &HttpConfig) -> Self {
        Self { board, journal: api::Books::new(journal.clone()), hosts: config.hosts.clone() }
    }
}

/// Takes the address that is to be listened at.
///
/// # Errors
/// If it is taken, or not this machine's.
pub async fn bind(config: &HttpConfig) -> Result<TcpListener, Failure> {
    let address = config.listen;
    if !address.ip().is_loopback() {
        tracing::warn!(
            "http: {address} is reached from other machines, and what is served asks nobody who they are"
        );
    }
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(
            Exit::Config,
            format_args!("[http] listen: {address} cannot be listened at: {error}."),
        )
    })
}

/// Serves until told to stop. A client that is slow, or that breaks off, is nobody's trouble but its own.
pub async fn serve(listener: TcpListener, served: Arc<Served>, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|is_stopped| *is_stopped) => return,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let served = served.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(served.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            let _ = timeout(CONNECTION_WITHIN, connection).await;
            drop(place);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Too many open files, most likely: the keeper's own work has to get the next ones.
            tracing::debug!("http: {error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        }
    }
}

async fn answer(
    served: Arc<Served>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_head = request.method() == Method::HEAD;
    let answer = if !is_for_us(&request, &served.hosts) {
        Answer::problem(StatusCode::FORBIDDEN, "this host name is not one that [http] hosts names")
    } else if request.method() != Method::GET && !is_head {
        Answer::problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "there is nothing to change here: GET alone",
        )
    } else {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        match timeout(ANSWER_WITHIN, routes::route(&served, path, query)).await {
            Ok(answer) => answer,
            Err(_) => Answer::problem(StatusCode::SERVICE_UNAVAILABLE, "no answer in time"),
        }
    };
    let body = if is_head { Bytes::new() } else { Bytes::from(answer.body) };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    Ok(response)
}

/// A web page may not read this through a name of its own that it has pointed here: a name has to be one that is known.
fn is_for_us(request: &Request<Incoming>, hosts: &[String]) -> bool {
    let Some(host) = request.headers().get(header::HOST) else { return true };
    host.to_str().is_ok_and(|host| is_known_host(host, hosts))
}

fn is_known_host(host: &str, hosts: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
