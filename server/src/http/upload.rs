//! Uploads: files read into memory under limits that are stated to people first.

use super::body::{self, Why};
use super::error::Fault;
use super::routes::{Posted, check_forgery};
use crate::config::{LARGEST_FILE, LARGEST_FORM, MOST_FILES};
use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use std::future::Future;
use std::pin::Pin;

#[derive(Clone, Debug)]
pub struct UploadedFile {
    pub name: String,
    pub content: Vec<u8>,
    /// It was larger than allowed; its content is not kept.
    pub too_large: bool,
}

/// A form with files: the fields, with the token checked, and the files.
#[derive(Clone, Debug, Default)]
pub struct Uploaded {
    pub posted: Posted,
    pub files: Vec<UploadedFile>,
}

/// A file name as it is shown: no path, no control characters.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let clean: String = last.chars().filter(|mark| !domain::text::is_hidden(*mark)).take(120).collect();
    if clean.is_empty() { "file".to_owned() } else { clean }
}

async fn read_all(request: &HttpRequest, (mut form, why): (Multipart, Why)) -> Result<Uploaded, Fault> {
    let bad = |_| why.fault();
    let mut uploaded = Uploaded::default();
    let mut checked = false;
    let mut total = 0_usize;
    while let Some(mut field) = body::next(&mut form).await.transpose().map_err(bad)? {
        let disposition = field.content_disposition().cloned();
        let name = disposition.as_ref().and_then(|found| found.get_name()).unwrap_or("").to_owned();
        let file_name = disposition.as_ref().and_then(|found| found.get_filename()).map(clean_name);
        let mut content = Vec::new();
        let mut too_large = false;
        while let Some(piece) = body::next(&mut field).await.transpose().map_err(bad)? {
            total = total.saturating_add(piece.len());
            if total > LARGEST_FORM {
                return Err(Fault::BadRequest("payload_too_large"));
            }
            if content.len().saturating_add(piece.len()) > LARGEST_FILE {
                too_large = true;
                content.clear();
            }
            if !too_large {
                content.extend_from_slice(&piece);
            }
        }
        match file_name {
            None => uploaded.posted.fields.push((name, String::from_utf8_lossy(&content).into_owned())),
            Some(file_name) => {
                // The token stands before the files, so that nothing of a stranger's is read.
                if !checked {
                    check_forgery(request, uploaded.posted.get("_csrf")).await?;
                    checked = true;
                }
                if uploaded.files.len() >= MOST_FILES {
                    return Err(domain::Refusal::TooManyFiles { most: MOST_FILES.to_string() }.into());
                }
                // Browsers send a nameless empty part where no file was chosen; a named empty file gets its answer.
                if !content.is_empty() || too_large || file_name != "file" {
                    uploaded.files.push(UploadedFile { name: file_name, content, too_large });
                }
            }
        }
    }
    super::routes::check_plain(&uploaded.posted.fields)?;
    if !checked {
        check_forgery(request, uploaded.posted.get("_csrf")).await?;
    }
    Ok(uploaded)
}

impl FromRequest for Uploaded {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
        if !kind.starts_with("multipart/form-data") {
            return Box::pin(std::future::ready(Err(Fault::BadRequest("unsupported_media_type"))));
        }
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read_all(&request, body::multipart(&request, payload)?).await })
    }
}
