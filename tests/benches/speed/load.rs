//! A load of requests on connections that stay open. It does as little as can be done for an answer, so that what is measured is the
//! server: requests are written as they were made before, and of an answer only its status, its length and that it holds data are
//! looked at.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::measure::Times;

/// How many connections ask at once.
pub(crate) const CONNECTIONS: usize = 16;

/// Makes the request of a number.
pub(crate) type Asks = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// A POST of a body.
pub(crate) fn post(address: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Asks for so long, each connection one thing after the other. Gives how many were answered in a second, and how long each took.
pub(crate) async fn steady(address: &str, lasts: Duration, asks: &Asks) -> (f64, Times) {
    let begun = Instant::now();
    let connections = (0..CONNECTIONS).map(|number| {
        let (address, asks) = (address.to_owned(), Arc::clone(asks));
        tokio::spawn(async move { one(&address, number, begun + lasts, &asks).await })
    });
    let times: Vec<Duration> = join_all(connections).await.into_iter().flat_map(Result::unwrap).collect();
    (times.len() as f64 / begun.elapsed().as_secs_f64(), Times::of(times))
}

async fn one(address: &str, number: usize, until: Instant, asks: &Asks) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut answer) = (Vec::new(), Vec::with_capacity(64 * 1024));
    for round in 0.. {
        let request = asks(number + round * CONNECTIONS);
        let begun = Instant::now();
        if begun >= until {
            break;
        }
        stream.write_all(&request).await.unwrap();
        read(&mut stream, &mut answer).await;
        times.push(begun.elapsed());
        let whole = answer.starts_with(b"HTTP/1.1 200") && answer.windows(8).any(|bytes| bytes == b"{\"data\":");
        assert!(whole, "{}", String::from_utf8_lossy(&answer));
    }
    times
}

/// One answer, headers and all.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    let mut whole = None;
    while whole.is_none_or(|whole| answer.len() < whole) {
        assert_ne!(stream.read_buf(answer).await.unwrap(), 0, "the connection stays open");
        whole = whole.or_else(|| length_of(answer));
    }
}

/// How long an answer is with its headers, once they are there.
fn length_of(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let headers = std::str::from_utf8(&answer[..end]).unwrap().to_ascii_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    Some(end + length.trim().parse::<usize>().unwrap())
}
