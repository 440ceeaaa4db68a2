//! A mail server of the tests' own, which can fail in every way that a real one does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the server treats messages from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Accept,
    /// 451 to every recipient.
    Later,
    /// 550 to every recipient.
    Never,
    /// Takes the connection and never says a word.
    Mute,
    /// Takes the whole message and never answers.
    Hang,
    /// Takes the whole message and answers only when the mood has changed.
    Hold,
    /// Takes the whole message, and its answer breaks off in the middle of the line.
    HalfReply,
}

/// One message that came in whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub message_id: String,
    pub to: String,
    /// The server confirmed to the sender that it accepted the message.
    pub acknowledged: bool,
}

#[derive(Debug)]
struct Inside {
    mood: Mood,
    connections: usize,
    received: Vec<Received>,
}

/// The server; its thread ends with the test process.
#[derive(Clone, Debug)]
pub struct Smtp {
    pub port: u16,
    inside: Arc<Mutex<Inside>>,
}

impl Smtp {
    /// Listens on `port`, or on a free one where that is 0.
    #[must_use]
    pub fn listen(port: u16, mood: Mood) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let inside = Arc::new(Mutex::new(Inside { mood, connections: 0, received: Vec::new() }));
        let server = Self { port, inside };
        let shared = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        server
    }

    #[must_use]
    pub fn url(port: u16) -> String {
        format!("smtp://127.0.0.1:{port}")
    }

    pub fn set(&self, mood: Mood) {
        self.inside.lock().expect("a lock").mood = mood;
    }

    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.inside.lock().expect("a lock").received.clone()
    }

    /// How often a client has connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inside.lock().expect("a lock").connections
    }

    fn mood(&self) -> Mood {
        self.inside.lock().expect("a lock").mood
    }

    fn keep(&self, message_id: String, to: String, acknowledged: bool) {
        self.inside.lock().expect("a lock").received.push(Received { message_id, to, acknowledged });
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut out = stream.try_clone().ok()?;
        let mut lines = BufReader::new(stream).lines();
        let mut to = String::new();
        self.inside.lock().expect("a lock").connections += 1;
        if self.mood() == Mood::Mute {
            let _ = lines.next();
            return None;
        }
        out.write_all(b"220 test\r\n").ok()?;
        loop {
            let line = lines.next()?.ok()?;
            let verb = line.get(..4).unwrap_or("").to_ascii_uppercase();
            let answer: &[u8] = match (verb.as_str(), self.mood()) {
                ("RCPT", Mood::Later) => b"451 come back later\r\n",
                ("RCPT", Mood::Never) => b"550 nobody of that name\r\n",
                ("RCPT", _) => {
                    to = line.split(['<', '>']).nth(1).unwrap_or("").to_owned();
                    b"250 ok\r\n"
                }
                ("DATA", _) => {
                    out.write_all(b"354 go on\r\n").ok()?;
                    let mut message_id = String::new();
                    loop {
                        let line = lines.next()?.ok()?;
                        if line == "." {
                            break;
                        }
                        if let Some(id) = line.strip_prefix("Message-ID: ") {
                            message_id = id.to_owned();
                        }
                    }
                    let mood = self.mood();
                    self.keep(message_id, to.clone(), mood == Mood::Accept);
                    match mood {
                        Mood::Hang => {
                            // Until the other side gives up.
                            let _ = lines.next();
                            return None;
                        }
                        Mood::HalfReply => {
                            let _ = out.write_all(b"250 2.0.0 que");
                            return None;
                        }
                        Mood::Hold => {
                            while self.mood() == Mood::Hold {
                                std::thread::sleep(std::time::Duration::from_millis(5));
                            }
                            b"250 queued\r\n"
                        }
                        _ => b"250 queued\r\n",
                    }
                }
                ("QUIT", _) => {
                    let _ = out.write_all(b"221 bye\r\n");
                    return None;
                }
                _ => b"250 ok\r\n",
            };
            out.write_all(answer).ok()?;
        }
    }
}
