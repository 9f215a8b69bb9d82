use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// May call this machine, plainly.
fn at_home() -> Outgoing {
    Outgoing::new(Settings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        timeout: Duration::from_millis(500),
        max_bytes: 1000,
        ..Settings::default()
    })
    .unwrap()
}

/// A server on this machine that answers each connection with this text; an empty one keeps the caller waiting.
async fn answering(text: String) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(text.as_bytes()).await;
            if text.is_empty() {
                open.push(stream);
            }
        }
    });
    url(&format!("http://{address}/"))
}

#[test]
fn addresses_are_judged_before_a_call() {
    let strict = Outgoing::new(Settings::default()).unwrap();
    let cases = [
        ("https://example.org/hook", Ok(())),
        ("https://1.1.1.1/", Ok(())),
        ("http://example.org/", Err(Failure::BadAddress)),
        ("ftp://example.org/", Err(Failure::BadAddress)),
        ("file:///etc/passwd", Err(Failure::BadAddress)),
        ("data:text/plain,x", Err(Failure::BadAddress)),
        ("https://user@example.org/", Err(Failure::BadAddress)),
        ("https://user:password@example.org/", Err(Failure::BadAddress)),
        ("https://127.0.0.1/", Err(Failure::NotAllowed)),
        ("https://127.1/", Err(Failure::NotAllowed)),
        ("https://2130706433/", Err(Failure::NotAllowed)),
        ("https://0x7f.0.0.1/", Err(Failure::NotAllowed)),
        ("https://0177.0.0.1/", Err(Failure::NotAllowed)),
        ("https://\u{ff11}27.0.0.1/", Err(Failure::NotAllowed)),
        ("https://169.254.169.254/latest/meta-data", Err(Failure::NotAllowed)),
        ("https://[::1]/", Err(Failure::NotAllowed)),
        ("https://[::ffff:7f00:1]/", Err(Failure::NotAllowed)),
        ("https://[fe80::1]/", Err(Failure::NotAllowed)),
    ];
    for (text, verdict) in cases {
        assert_eq!(strict.check(&url(text)), verdict, "{text}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let server = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_owned()).await;
    let port = server.port().unwrap();
    let outside = Outgoing::new(Settings { allow_http: true, ..Settings::default() }).unwrap();
    assert_eq!(outside.get(&url(&format!("http://localhost:{port}/"))).await.unwrap_err(), Failure::NotAllowed);
    let answer = at_home().get(&url(&format!("http://localhost:{port}/"))).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, &b"hi"[..]));
}

#[tokio::test]
async fn what_servers_do_wrong_is_reported_from_a_closed_list() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n".to_owned();
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{}", "x".repeat(1001));
    let cases = [
        (answering(redirect).await, Failure::Redirected),
        (answering(long).await, Failure::TooLarge),
        (answering(String::new()).await, Failure::TimedOut),
        (answering("SSH-2.0-OpenSSH_9.6\r\n".to_owned()).await, Failure::Broken),
        (url("http://127.0.0.1:1/"), Failure::NoConnection),
    ];
    for (address, failure) in cases {
        assert_eq!(at_home().get(&address).await.unwrap_err(), failure);
    }
}
