//! The one reader of request bodies: no compression, a limit checked before and while reading, a least rate, and a bound on all
//! held bytes. `tests/tests/house_rules.rs` keeps every other reader out.

use super::Shared;
use super::connection::Line;
use super::error::Fault;
use super::patience::Patience;
use super::routes::{caller, owner};
use super::shares::Share;
use crate::config::LARGEST_FORM;
use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_core::Stream;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A form has texts only.
pub const LARGEST_TEXTS: usize = 256 * 1_024;
/// JSON of a command. What is read from it takes many times its bytes.
pub const LARGEST_JSON: usize = 64 * 1_024;
/// JSON of the command that carries a list of payables.
pub const LARGEST_LIST: usize = 1_024 * 1_024;
/// An address, a password and a code.
pub const LARGEST_CREDENTIALS: usize = 4 * 1_024;
/// Any body of a sender who is not signed in.
pub const LARGEST_OF_STRANGERS: usize = 64 * 1_024;
/// Bytes around the files of a form.
const FORM_AROUND: usize = 512 * 1_024;

/// The beginning of a body is not counted: a small write finds room beside any number of large ones. The number of connections is
/// bounded.
const UNCOUNTED: usize = 16 * 1_024;

/// Bodies that are held at once, of people who are signed in and of one company's.
pub const HELD_OF_MEMBERS: (usize, usize) = (64 * 1_024 * 1_024, 32 * 1_024 * 1_024);
/// Of strangers, who cannot take the place of people who are signed in, and of one address.
pub const HELD_OF_STRANGERS: (usize, usize) = (16 * 1_024 * 1_024, 4 * 1_024 * 1_024);

/// The body as it comes, unread.
pub struct Unread(pub Payload);

impl FromRequest for Unread {
    type Error = Fault;
    type Future = std::future::Ready<Result<Self, Fault>>;

    fn from_request(_request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(payload.take())))
    }
}

/// The body of a refused request: bytes that are read, and the time for them, so that the connection stays usable.
const REST: usize = 64 * 1_024;
const REST_WITHIN: Duration = Duration::from_millis(500);

pub async fn pass_over(mut payload: Payload) {
    let rest = async {
        let mut read = 0_usize;
        while let Some(Ok(piece)) = next(&mut payload).await {
            read = read.saturating_add(piece.len());
            if read > REST {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(REST_WITHIN, rest).await;
}

/// A body is taken as it is: what a few bytes unpack to cannot be foreseen.
pub fn check_encoding(request: &HttpRequest) -> Result<(), Fault> {
    let mut encodings = request.headers().get_all(header::CONTENT_ENCODING);
    let plain = encodings.all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if plain { Ok(()) } else { Err(Fault::BadRequest("content_encoded")) }
}

/// Reads a body of at most `most` bytes.
pub async fn read(request: &HttpRequest, payload: Payload, most: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Limited::new(request, payload, most)?;
    let fault = Rc::clone(&body.fault);
    // Pages that are never written cost nothing.
    let mut content = Vec::with_capacity(body.stated);
    while let Some(piece) = next(&mut body).await {
        let piece = piece.map_err(|_| take(&fault))?;
        content.extend_from_slice(&piece);
    }
    Ok(content)
}

/// A form with files, read under the same limits, and what to say when one of them is passed.
pub fn multipart(request: &HttpRequest, payload: Payload) -> Result<(Multipart, Why), Fault> {
    let body = Limited::new(request, payload, LARGEST_FORM.saturating_add(FORM_AROUND))?;
    let why = Why(Rc::clone(&body.fault));
    Ok((Multipart::new(request.headers(), body), why))
}

/// Why a form could not be read.
pub struct Why(Rc<RefCell<Option<Fault>>>);

impl Why {
    #[must_use]
    pub fn fault(&self) -> Fault {
        take(&self.0)
    }
}

fn take(fault: &RefCell<Option<Fault>>) -> Fault {
    fault.borrow_mut().take().unwrap_or(Fault::BadRequest("bad_request"))
}

/// The next item of a stream, without a crate for it.
pub async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Bytes that a request holds until its answer is made.
struct Kept {
    _share: Rc<RefCell<Share>>,
}

/// A body that ends in an error when it is too large, too slow, or one too many.
struct Limited {
    payload: Payload,
    /// The length that the request states, within the limit.
    stated: usize,
    left: usize,
    uncounted: usize,
    sender: Patience,
    share: Rc<RefCell<Share>>,
    fault: Rc<RefCell<Option<Fault>>>,
    line: Option<Rc<Line>>,
}

impl Limited {
    fn new(request: &HttpRequest, payload: Payload, most: usize) -> Result<Self, Fault> {
        check_encoding(request)?;
        let app = request.app_data::<Data<Shared>>().ok_or_else(|| Fault::Failed("no application state".to_owned()))?;
        let known = caller(request).is_some();
        let most = if known { most } else { most.min(LARGEST_OF_STRANGERS) };
        let stated = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if stated.is_some_and(|stated| usize::try_from(stated).map_or(true, |stated| stated > most)) {
            return Err(Fault::BadRequest("payload_too_large"));
        }
        let stock = if known { &app.bodies } else { &app.strangers };
        let share = Rc::new(RefCell::new(stock.share(owner(request))));
        request.extensions_mut().insert(Kept { _share: Rc::clone(&share) });
        let stated = stated.and_then(|stated| usize::try_from(stated).ok()).unwrap_or(0);
        Ok(Self {
            payload,
            stated,
            left: most,
            uncounted: UNCOUNTED,
            sender: Patience::new(app.config.limits.body_patience),
            share,
            fault: Rc::default(),
            line: request.conn_data::<Rc<Line>>().cloned(),
        })
    }

    fn refuse(&self, fault: Fault) -> PayloadError {
        self.fault.borrow_mut().get_or_insert(fault);
        PayloadError::Overflow
    }
}

impl Stream for Limited {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let piece = match Pin::new(&mut this.payload).poll_next(context) {
            Poll::Ready(Some(Ok(piece))) => piece,
            Poll::Pending if this.sender.is_over(context) => {
                return Poll::Ready(Some(Err(this.refuse(Fault::BadRequest("body_too_slow")))));
            }
            other => {
                // Until more comes we wait for the sender; behind the end we work for it again.
                if let Some(line) = &this.line {
                    line.set_working(other.is_ready());
                }
                return other;
            }
        };
        this.sender.moved(piece.len());
        let Some(left) = this.left.checked_sub(piece.len()) else {
            return Poll::Ready(Some(Err(this.refuse(Fault::BadRequest("payload_too_large")))));
        };
        this.left = left;
        let counted = piece.len().saturating_sub(this.uncounted);
        this.uncounted = this.uncounted.saturating_sub(piece.len());
        if counted > 0 && !this.share.borrow_mut().grow(counted) {
            return Poll::Ready(Some(Err(this.refuse(Fault::Busy))));
        }
        Poll::Ready(Some(Ok(piece)))
    }
}
