//! Answers on their way out: a large one is counted for as long as it is held in memory, and leaves in pieces.

use super::Shared;
use super::connection::{self, Line, Served};
use super::error::Fault;
use super::routes::owner;
use super::shares::{Owner, Share};
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Bytes of large answers that are held at once, and of those for one company.
pub const HELD: (usize, usize) = (96 * 1_024 * 1_024, 32 * 1_024 * 1_024);

/// Stored files that are read at once. Others wait, and hold their share meanwhile.
const READS: usize = 4;
static READING: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(READS);

/// A stored file and its share of the bytes held. The share goes with the answer, or ends with the last use of the content.
pub struct Stored {
    pub content: Vec<u8>,
    pub share: Share,
}

impl Stored {
    /// The answer, which holds the share until it has left.
    #[must_use]
    pub fn carried_by(share: Share, mut response: HttpResponse) -> HttpResponse {
        response.extensions_mut().insert(share);
        response
    }
}

/// The content of a stored file, empty where there is none. For a large file it takes the share first: without room it reads
/// nothing.
pub async fn read_stored(app: &Shared, owner: Owner, sha256: &str) -> Result<Stored, Fault> {
    let name = sha256.to_owned();
    let length = app.read(move |conn| Ok(store::records::document_length(conn, &name)?)).await?.unwrap_or(0);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut share = app.answers.share(owner);
    let large = u64::try_from(length).unwrap_or(u64::MAX) >= LARGE;
    if large && !share.grow(length) {
        return Err(Fault::Busy);
    }
    let _turn = if large { READING.acquire().await.ok() } else { None };
    let name = sha256.to_owned();
    let found = app.read(move |conn| Ok(store::records::find_document(conn, &name)?)).await?;
    Ok(Stored { content: found.map(|document| document.content).unwrap_or_default(), share })
}

/// From this size on an answer is counted.
const LARGE: u64 = 64 * 1_024;
/// Bytes that are handed over at once; actix copies them.
const PIECE: usize = 32 * 1_024;

/// Around the handlers, inside compression: counts large answers and refuses those that would be too many.
pub async fn count<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let mut response = next.call(request).await?;
    // The share that a handler has taken for the data it read.
    let taken = response.response_mut().extensions_mut().remove::<Share>();
    let BodySize::Sized(size) = response.response().body().size() else { return Ok(response.map_into_left_body()) };
    let inner = response.request().clone();
    let Some(app) = inner.app_data::<Data<Shared>>().filter(|_| size >= LARGE) else {
        return Ok(response.map_into_left_body());
    };
    let mut share = taken.unwrap_or_else(|| app.answers.share(owner(&inner)));
    if !share.reach(usize::try_from(size).unwrap_or(usize::MAX)) {
        return Ok(ServiceResponse::from_err(Fault::Busy, inner).map_into_right_body());
    }
    let counted = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(Pieces { bytes, _share: share }),
        Err(body) => body.boxed(),
    });
    Ok(counted.map_into_right_body())
}

/// A body that leaves in pieces, so that what waits to be sent is not copied as a whole.
struct Pieces {
    bytes: Bytes,
    _share: Share,
}

impl MessageBody for Pieces {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let left = &mut self.get_mut().bytes;
        let piece = left.split_to(left.len().min(PIECE));
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// A body whose connection is serving it until it has been handed over.
pub struct Kept {
    pub body: BoxBody,
    pub served: Option<Served>,
}

impl MessageBody for Kept {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// The least that stands around an answer: its connection knows until when it is served.
pub async fn serve<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Kept>, actix_web::Error> {
    let served = begin(&request);
    let mut response = next.call(request).await?;
    note_answer(served.as_ref(), &mut response);
    Ok(response.map_body(|_, body| Kept { body: body.boxed(), served }))
}

/// Marks a request as served on its connection from now on.
#[must_use]
pub fn begin(request: &ServiceRequest) -> Option<Served> {
    let (head, body) = connection::size_of(request.head());
    request.conn_data::<Rc<Line>>().map(|line| line.serve(head, body))
}

/// The handler has answered. A body without a length may hide what is sent behind it: its connection ends.
pub fn note_answer<B>(served: Option<&Served>, response: &mut ServiceResponse<B>) {
    if served.is_some_and(Served::is_last) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
}
