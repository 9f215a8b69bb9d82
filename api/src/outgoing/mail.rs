//! Mail: to a server by SMTP, or into a folder for trying out. The address of the server comes from the configuration, which may well
//! name one of our own network.

use std::{net::Ipv4Addr, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{Error as SmtpError, extension::ClientId},
};
use tokio::{fs, time::timeout};
use url::{Host, Url};

use crate::{
    config::MailUrl,
    domain::message::{Letter, NotSent, Sends},
};

/// How long a mail server may take for one message altogether: shorter than the minute that [`Sends`] asks for.
const PATIENCE: Duration = Duration::from_secs(50);
/// How long it may take for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Where mail goes.
enum Way {
    Server(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

/// Sends mail.
pub struct Mail {
    way: Way,
    from: Address,
    /// Of whom messages are, as their ids say.
    host: String,
}

impl Mail {
    /// To this server or folder, from this address, of this host.
    ///
    /// # Errors
    /// A sentence without the password, when the address is none, or TLS cannot be set up.
    pub fn to(url: &MailUrl, from: &str, host: &str) -> Result<Self, String> {
        let from = from.parse().map_err(|_| "AFTERCARE_MAIL__FROM: it is no e-mail address")?;
        let way = match url {
            MailUrl::Server(url) => Way::Server(server(url, host)?),
            MailUrl::Folder(folder) => Way::Folder(folder.clone()),
        };
        Ok(Self { way, from, host: host.to_owned() })
    }

    /// The message as RFC 5322 writes it. No machine answers it (RFC 3834 §5), and nothing in it tells whether it was read.
    fn written(&self, letter: &Letter) -> Option<Message> {
        let to: Address = letter.to.parse().ok()?;
        Message::builder()
            .from(Mailbox::new(None, self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .date(letter.at.into())
            .message_id(Some(format!("<{}@{}>", letter.id, self.host)))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .ok()
    }
}

#[async_trait]
impl Sends for Mail {
    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let message = self.written(letter).ok_or(NotSent::NotWritten)?;
        match &self.way {
            Way::Server(server) => match timeout(PATIENCE, server.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(why(&error)),
                Err(_) => Err(NotSent::TimedOut),
            },
            // Its name is the message's: sent again it is the same file.
            Way::Folder(folder) => kept(folder, &letter.id.to_string(), &message.formatted()).await.map_err(|_| NotSent::Unreachable),
        }
    }
}

fn server(url: &Url, host: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    // What the library says of an address may quote it.
    let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(secured(url).as_str());
    let server = server.map_err(|_| "AFTERCARE_MAIL__URL: no mail server can be reached by it".to_owned())?;
    Ok(server.hello_name(ClientId::Domain(host.to_owned())).timeout(Some(ANSWER)).build())
}

/// The address as the library takes it: without TLS nothing is sent to another machine.
fn secured(url: &Url) -> Url {
    let mut url = url.clone();
    if url.scheme() == "smtp" && !is_here(&url) {
        url.set_query(Some("tls=required"));
    }
    url
}

/// Whether a server is on this machine: nobody is on the way. In an address of this scheme an IPv4 address is a name like any other.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// One of the closed list.
fn why(error: &SmtpError) -> NotSent {
    if error.is_timeout() {
        NotSent::TimedOut
    } else if error.status().is_some() {
        NotSent::NotTaken
    } else {
        NotSent::Unreachable
    }
}

/// Keeps a message as a file that is there whole or not at all, for its owner's eyes.
async fn kept(folder: &PathBuf, name: &str, message: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder).await?;
    fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).await?;
    let begun = folder.join(format!("{name}.part"));
    fs::write(&begun, message).await?;
    fs::set_permissions(&begun, std::fs::Permissions::from_mode(0o600)).await?;
    fs::rename(&begun, folder.join(format!("{name}.eml"))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_on_this_machine_is_spoken_to_in_clear() {
        for (url, here) in [
            ("smtp://127.0.0.1:2525", true),
            ("smtp://localhost", true),
            ("smtp://user:secret@[::1]:25", true),
            ("smtp://mail.example.org", false),
            ("smtp://10.0.0.1:25", false),
            ("smtp://localhost.example.org", false),
            ("smtp://[2001:db8::1]", false),
        ] {
            let asked = secured(&url.parse().unwrap());
            assert_eq!(asked.query(), (!here).then_some("tls=required"), "{url}");
            assert!(server(&asked, "localhost").is_ok(), "{url}");
        }
        assert!(server(&"smtps://mail.example.org".parse().unwrap(), "localhost").is_ok());
        assert!(Mail::to(&MailUrl::Folder("mail".into()), "nobody", "localhost").is_err());
    }
}
