//! A client of the keeper's HTTP, with nothing of the keeper in it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// An address of this machine that nobody listens at just now.
///
/// # Errors
/// If there is none.
pub async fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?.to_string())
}

/// Status and body of an answer.
///
/// # Errors
/// If there is no answer.
pub async fn get(address: &str, path: &str) -> Result<(u16, String)> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        anyhow::Ok(text)
    };
    let text = tokio::time::timeout(Duration::from_secs(20), asking).await??;
    let (head, body) = text.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("no status")?, body.to_owned()))
}

/// Asks until it is answered with a status.
///
/// # Errors
/// If it is not within a time.
pub async fn until(address: &str, path: &str, status: u16, within: Duration) -> Result<String> {
    let began = std::time::Instant::now();
    loop {
        let last = get(address, path).await;
        if let Ok((found, body)) = &last
            && *found == status
        {
            return Ok(body.clone());
        }
        ensure!(began.elapsed() < within, "{path} is not {status}: {last:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The number of the first line that begins so, in the form that Prometheus scrapes.
#[must_use]
pub fn sample(text: &str, start: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(start))?;
    line.rsplit(' ').next().map(str::to_owned)
}
