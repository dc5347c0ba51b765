//! A connection that knows when what it reads arrived: by the kernel's word, not by when somebody here was awake to see it.

use std::{
    io::{self, IoSliceMut},
    os::fd::AsRawFd as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant, SystemTime},
};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use nix::sys::time::TimeSpec;
use tokio::{
    io::{AsyncRead, AsyncWriteExt as _, Interest, ReadBuf},
    net::TcpStream,
};

/// A connection whose newest bytes have a time.
#[derive(Debug)]
pub struct Stamped {
    stream: TcpStream,
    arrived_at: Instant,
}

impl Stamped {
    /// From now on.
    ///
    /// # Errors
    /// If the system does not stamp what arrives.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        setsockopt(&stream, ReceiveTimestampns, &true)?;
        Ok(Self { stream, arrived_at: Instant::now() })
    }

    /// When the newest of the bytes that were read had arrived; when they were read, if the system does not say.
    #[must_use]
    pub const fn arrived_at(&self) -> Instant {
        self.arrived_at
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }
}

/// What the kernel's clock says, on this program's.
fn instant_of(stamp: TimeSpec) -> Instant {
    let now = Instant::now();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.checked_sub(since.saturating_sub(Duration::from(stamp))).unwrap_or(now)
}

impl AsyncRead for Stamped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let mut control = nix::cmsg_space!(TimeSpec);
            let stream = &self.stream;
            let read = stream.try_io(Interest::READABLE, || {
                let mut slices = [IoSliceMut::new(buf.initialize_unfilled())];
                let fd = stream.as_raw_fd();
                let told =
                    recvmsg::<()>(fd, &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
                let stamps = told.cmsgs()?.filter_map(|told| match told {
                    ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
                    _ => None,
                });
                Ok((stamps.last(), told.bytes))
            });
            match read {
                Ok((stamp, count)) => {
                    self.arrived_at = stamp.map_or_else(Instant::now, instant_of);
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that fails here says so")]
mod tests {
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn what_is_read_late_has_the_time_at_which_it_came() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut sender = TcpStream::connect(address).await.expect("connects");
        let (stream, _) = listener.accept().await.expect("accepts");
        let mut stamped = Stamped::new(stream).expect("stamps");
        // The first bytes after the switch may be without.
        sender.write_all(b"a").await.expect("writes");
        stamped.read_u8().await.expect("reads");
        let before = Instant::now();
        sender.write_all(b"b").await.expect("writes");
        let after = Instant::now();
        std::thread::sleep(Duration::from_millis(50));
        stamped.read_u8().await.expect("reads");
        let slack = Duration::from_millis(5);
        assert!(stamped.arrived_at() + slack >= before && stamped.arrived_at() <= after + slack);
    }
}
