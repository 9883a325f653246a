//! Requests to queues authorized as object_store authorizes those to blobs.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind, ResultExt};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use object_store::azure::AzureAuthorizer;
use object_store::client::{HttpRequest, HttpRequestBody};
use url::Url;

use super::credential::Shown;

/// What signing adds.
const SIGNED: [&str; 3] = ["authorization", "date", "x-ms-date"];

/// Lets every try show who asks, with the time it is now.
#[derive(Debug)]
pub(super) struct Authorizing {
    shown: Shown,
    account: String,
}

impl Authorizing {
    pub(super) fn new(shown: Shown, account: String) -> Authorizing {
        Authorizing { shown, account }
    }

    async fn authorize(&self, request: &mut Request) -> azure_core::Result<()> {
        let shown = self.shown.provider().get_credential().await;
        let shown = shown.with_context(ErrorKind::Credential, "nothing shows who asks")?;
        let mut signed = like(request)?;
        AzureAuthorizer::new(&shown, &self.account)
            .try_authorize(&mut signed)
            .with_context(ErrorKind::Credential, "the request cannot be signed")?;
        let url = Url::parse(&signed.uri().to_string());
        *request.url_mut() = url.with_context(ErrorKind::Other, "the request has no URL")?;
        for name in SIGNED {
            if let Some(value) = signed.headers().get(name) {
                let value = value.to_str();
                let value = value.with_context(ErrorKind::Other, "a header is no text")?;
                request.insert_header(name, value.to_owned());
            }
        }
        Ok(())
    }
}

/// What of the request is signed.
fn like(request: &Request) -> azure_core::Result<HttpRequest> {
    let other = |error: http::Error| Error::new(ErrorKind::Other, error);
    let mut like = http::Request::builder()
        .method(request.method().as_ref())
        .uri(request.url().as_str());
    for (name, value) in request.headers().iter() {
        if !SIGNED.contains(&name.as_str()) {
            like = like.header(name.as_str(), value.as_str());
        }
    }
    if let Some(length @ 1..) = request.body().len() {
        like = like.header(http::header::CONTENT_LENGTH, length);
    }
    like.body(HttpRequestBody::empty()).map_err(other)
}

#[async_trait]
impl Policy for Authorizing {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        // A SAS would be there twice when the same request is sent again.
        let asked = request.url().clone();
        self.authorize(request).await?;
        let answer = next[0].send(context, request, &next[1..]).await;
        *request.url_mut() = asked;
        answer
    }
}
