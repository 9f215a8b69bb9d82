//! Mail, as it comes out of the server under test: a folder of messages, and a mail server that is told how to behave.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use aftercare::{config::MailUrl, domain::message::send_one};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{app::TestApp, caller::Caller};

/// A message as it is on its way.
#[derive(Clone, Debug)]
pub struct Mail(pub String);

impl Mail {
    /// The value of a header; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default()
    }

    /// The words, as somebody reads them.
    ///
    /// # Panics
    /// When there are none.
    pub fn text(&self) -> String {
        let body = self.0.split_once("\r\n\r\n").expect("it has a body").1;
        match self.header("Content-Transfer-Encoding") {
            "quoted-printable" => body.replace("=\r\n", "").replace("=3D", "="),
            _ => body.to_owned(),
        }
    }

    /// The code in it that a guest types, in four groups of four.
    ///
    /// # Panics
    /// When there is none.
    pub fn typed_code(&self) -> String {
        let text = self.text();
        let code = text.lines().map(str::trim).find(|line| line.len() == 19 && line.matches('-').count() == 3);
        code.expect("there is a code").to_owned()
    }

    /// The link in it.
    ///
    /// # Panics
    /// When there is none.
    pub fn link(&self) -> String {
        self.text().lines().find(|line| line.contains("/access#")).expect("there is a link").trim().to_owned()
    }

    /// The code of the invitation in it.
    ///
    /// # Panics
    /// When there is none.
    pub fn code(&self) -> String {
        self.link().split_once('#').expect("the code is the fragment").1.to_owned()
    }
}

impl TestApp {
    /// Sends all messages that are due by now. Gives how many attempts that were.
    ///
    /// # Panics
    /// When messages cannot be asked for.
    pub async fn send_messages(&self) -> usize {
        let mail = self.mail.clone().expect("mail goes somewhere");
        let mut attempts = 0;
        while send_one(&self.store, &*mail).await.expect("messages can be asked for") {
            attempts += 1;
        }
        attempts
    }

    /// The folder into which mail goes.
    ///
    /// # Panics
    /// When it goes elsewhere.
    pub fn mail_folder(&self) -> PathBuf {
        match self.config.mail(self.environment) {
            Some(MailUrl::Folder(folder)) => folder,
            other => panic!("mail goes to {other:?}"),
        }
    }

    /// Sends what is due, and takes all messages out of the folder.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn mails(&self) -> Vec<Mail> {
        self.send_messages().await;
        let Ok(files) = fs::read_dir(self.mail_folder()) else { return Vec::new() };
        let take = |file: fs::DirEntry| {
            let mail = fs::read_to_string(file.path()).expect("it is text");
            fs::remove_file(file.path()).expect("it can be taken");
            Mail(mail)
        };
        files.flatten().map(take).collect()
    }

    /// Has a client invited to the first of their contact methods, which is a safe address. Gives the mail.
    ///
    /// # Panics
    /// When they are not.
    pub async fn invited(&self, by: &Caller, client: &str) -> Mail {
        let invite =
            "mutation($id: ID!) { clientAccessInvite(clientId: $id, contactMethodId: \"1\") { client { id } userErrors { message } } }";
        let answer = by.ask_with(invite, json!({ "id": client })).await;
        assert_eq!((answer.error_codes(), answer.user_error_codes()), (vec![], vec![]), "{}", answer.raw);
        self.mails().await.pop().expect("a mail was sent")
    }

    /// Asks for a token as a person does, who has nothing but a secret. Gives the status and the answer.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn granted(&self, form: &[(&str, &str)]) -> (u16, serde_json::Value) {
        let answer = reqwest::Client::new().post(format!("{}/oauth/token", self.url)).form(form).send().await.expect("it answers");
        (answer.status().as_u16(), answer.json().await.expect("it is JSON"))
    }

    /// The client with this id, who was invited and has a token.
    ///
    /// # Panics
    /// When they do not get one.
    pub async fn as_client(&self, by: &Caller, client: &str) -> Caller {
        let code = self.invited(by, client).await.code();
        let (status, answer) = self.granted(&[("grant_type", "urn:aftercare:grant:invitation"), ("code", &code)]).await;
        assert_eq!(status, 200, "{answer}");
        Caller::with_token(&self.url, answer["access_token"].as_str().expect("a token"))
    }
}

/// A mail server on a port of its own. Closed, nobody listens there; busy, it takes no message.
#[derive(Debug)]
pub struct MailServer {
    /// Where it listens, when it does.
    pub port: u16,
    taken: Arc<Mutex<Vec<Mail>>>,
    busy: Arc<AtomicBool>,
    open: Option<JoinHandle<()>>,
}

impl MailServer {
    /// One that is closed.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn closed() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.and_then(|free| free.local_addr()).expect("a port is free");
        Self { port: free.port(), taken: Arc::default(), busy: Arc::default(), open: None }
    }

    /// Where it is, as `AFTERCARE_MAIL__URL` takes it.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Opens it.
    ///
    /// # Panics
    /// When somebody else has its port by now.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("its port is free still");
        let (taken, busy) = (Arc::clone(&self.taken), Arc::clone(&self.busy));
        self.open = Some(tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (taken, busy) = (Arc::clone(&taken), Arc::clone(&busy));
                tokio::spawn(async move { serve(caller, &taken, &busy).await });
            }
        }));
    }

    /// Has it take no message, or take them again.
    pub fn busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<Mail> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.abort();
        }
    }
}

/// Speaks as much of RFC 5321 as a message needs.
async fn serve(caller: TcpStream, taken: &Mutex<Vec<Mail>>, busy: &AtomicBool) -> Option<()> {
    let (reader, mut writer) = caller.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 mail.test\r\n").await.ok()?;
    while let Ok(Some(line)) = lines.next_line().await {
        let answer: &[u8] = match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "RCPT" if busy.load(Ordering::Relaxed) => b"451 not now, canary-server-says\r\n",
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await.ok()?;
                let mut message = String::new();
                while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                    message += &format!("{}\r\n", line.strip_prefix('.').unwrap_or(&line));
                }
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(Mail(message));
                b"250 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 mail.test\r\n",
        };
        writer.write_all(answer).await.ok()?;
    }
    Some(())
}
