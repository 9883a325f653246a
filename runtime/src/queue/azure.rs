//! Queues of a storage account on Azure.
//!
//! Bodies lie there in base64, as the hosts of Azure Functions read and write
//! them by default. A body that is none was put there by another, and is given
//! as it is. Time passes in whole seconds; a second at least, where a message is
//! received.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::{ClientOptions, RequestContent, StatusCode, XmlFormat};
use azure_core::time::OffsetDateTime;
use azure_storage_queue::models::{
    QueueClientGetPropertiesResultHeaders, QueueClientPeekMessagesOptions,
    QueueClientReceiveMessagesOptions, QueueClientSendMessageOptions,
    QueueClientUpdateMessageOptions, QueueMessage,
};
use azure_storage_queue::{QueueClient, QueueServiceClient, QueueServiceClientOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use url::Url;

use super::{
    Delivery, LONGEST, MOST_AT_ONCE, Peeked, Queue, QueueError, QueueName, Queues, Receipt, fits,
};
use crate::azure::hint::{self, Of};
use crate::store::clock::Timestamp;

/// The queues of an account.
#[derive(Clone)]
pub struct AzureQueues {
    service: Arc<QueueServiceClient>,
}

#[derive(Debug)]
struct AzureQueue {
    name: QueueName,
    queues: AzureQueues,
}

/// Messages stay until somebody takes them out; unless told, Azure drops them
/// after seven days.
const FOR_EVER: i32 = -1;

const POP_RECEIPT: HeaderName = HeaderName::from_static("x-ms-popreceipt");

type Asked<T> = Result<T, azure_core::Error>;

impl AzureQueues {
    /// The queues of the service at this URL.
    pub(crate) fn new(service: Url, client_options: ClientOptions) -> Asked<AzureQueues> {
        let options = QueueServiceClientOptions {
            client_options,
            ..QueueServiceClientOptions::default()
        };
        let client = QueueServiceClient::new(service, None, Some(options))?;
        Ok(AzureQueues {
            service: Arc::new(client),
        })
    }

    async fn all(&self) -> Asked<Vec<QueueName>> {
        let mut listed = self.service.list_queues(None)?;
        let mut names = Vec::new();
        while let Some(queue) = listed.try_next().await? {
            // Others may call theirs as they like.
            let name = queue.name.and_then(|name| name.parse::<QueueName>().ok());
            names.extend(name);
        }
        names.sort();
        Ok(names)
    }
}

impl fmt::Debug for AzureQueues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.service.url().as_str();
        f.debug_tuple("AzureQueues").field(&url).finish()
    }
}

impl Queues for AzureQueues {
    fn open(&self, name: &QueueName) -> Arc<dyn Queue> {
        Arc::new(AzureQueue {
            name: name.clone(),
            queues: self.clone(),
        })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<QueueName>, QueueError>> {
        Box::pin(async move {
            let all = self.all().await.map_err(|source| QueueError::Service {
                queue: "*".to_owned(),
                hint: hint(&source),
                source: source.into(),
            })?;
            let mut names = Vec::new();
            for name in all {
                if self.open(&name).depth().await? > 0 {
                    names.push(name);
                }
            }
            Ok(names)
        })
    }
}

impl AzureQueue {
    fn client(&self) -> Asked<QueueClient> {
        self.queues.service.queue_client(self.name.as_str())
    }

    async fn put(&self, body: &Bytes, delay: Duration) -> Asked<()> {
        let client = self.client()?;
        let options = || QueueClientSendMessageOptions {
            message_time_to_live: Some(FOR_EVER),
            visibility_timeout: Some(seconds(delay)),
            ..QueueClientSendMessageOptions::default()
        };
        match client.send_message(written(body)?, Some(options())).await {
            Err(error) if is_no_queue(&error) => {
                client.create(None).await?;
                client.send_message(written(body)?, Some(options())).await?;
                Ok(())
            }
            sent => sent.map(drop),
        }
    }

    async fn take(&self, most: usize, visibility: Duration) -> Asked<Vec<Delivery>> {
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(at_once(most)),
            visibility_timeout: Some(seconds(visibility).max(1)),
            ..QueueClientReceiveMessagesOptions::default()
        };
        let received = match self.client()?.receive_messages(Some(options)).await {
            Err(error) if is_no_queue(&error) => return Ok(Vec::new()),
            received => received?.into_model()?,
        };
        let mut deliveries = Vec::new();
        for message in received.items.unwrap_or_default() {
            let (Some(id), Some(pop)) = (message.message_id, message.pop_receipt) else {
                return Err(unnamed());
            };
            deliveries.push(Delivery {
                receipt: Receipt { id, pop },
                body: read(message.message_text),
                dequeue_count: count(message.dequeue_count),
                inserted: moment(message.insertion_time),
            });
        }
        Ok(deliveries)
    }

    async fn hold(
        &self,
        receipt: &Receipt,
        visibility: Duration,
        body: Option<&Bytes>,
    ) -> Asked<Receipt> {
        let options = QueueClientUpdateMessageOptions {
            queue_message: body.map(written).transpose()?,
            ..QueueClientUpdateMessageOptions::default()
        };
        let held = self
            .client()?
            .update_message(
                &receipt.id,
                &receipt.pop,
                seconds(visibility),
                Some(options),
            )
            .await?;
        let pop = held.headers().get_optional_string(&POP_RECEIPT);
        Ok(Receipt {
            id: receipt.id.clone(),
            pop: pop.ok_or_else(unnamed)?,
        })
    }

    async fn look(&self, most: usize) -> Asked<Vec<Peeked>> {
        let options = QueueClientPeekMessagesOptions {
            number_of_messages: Some(at_once(most)),
            ..QueueClientPeekMessagesOptions::default()
        };
        let peeked = match self.client()?.peek_messages(Some(options)).await {
            Err(error) if is_no_queue(&error) => return Ok(Vec::new()),
            peeked => peeked?.into_model()?,
        };
        let peeked = peeked.items.unwrap_or_default().into_iter();
        Ok(peeked
            .map(|message| Peeked {
                body: read(message.message_text),
                dequeue_count: count(message.dequeue_count),
                inserted: moment(message.insertion_time),
            })
            .collect())
    }

    async fn count(&self) -> Asked<u64> {
        let properties = match self.client()?.get_properties(None).await {
            Err(error) if is_no_queue(&error) => return Ok(0),
            properties => properties?,
        };
        let count = properties.approximate_messages_count()?.unwrap_or_default();
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn empty(&self) -> Asked<u64> {
        let n_messages = self.count().await?;
        match self.client()?.clear(None).await {
            Err(error) if is_no_queue(&error) => Ok(0),
            cleared => cleared.map(|_| n_messages),
        }
    }

    fn unusable(&self, source: azure_core::Error) -> QueueError {
        if is_lost(&source) {
            return QueueError::Lost {
                queue: self.name.clone(),
            };
        }
        QueueError::Service {
            queue: self.name.to_string(),
            hint: hint(&source),
            source: source.into(),
        }
    }
}

impl Queue for AzureQueue {
    fn name(&self) -> &QueueName {
        &self.name
    }

    fn send(&self, body: Bytes, delay: Duration) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            fits(&self.name, &body)?;
            let sent = self.put(&body, delay).await;
            sent.map_err(|error| self.unusable(error))
        })
    }

    fn receive(
        &self,
        most: usize,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, QueueError>> {
        Box::pin(async move {
            if most == 0 {
                return Ok(Vec::new());
            }
            let taken = self.take(most, visibility).await;
            taken.map_err(|error| self.unusable(error))
        })
    }

    fn renew<'a>(
        &'a self,
        receipt: &'a Receipt,
        visibility: Duration,
        body: Option<Bytes>,
    ) -> BoxFuture<'a, Result<Receipt, QueueError>> {
        Box::pin(async move {
            if let Some(body) = &body {
                fits(&self.name, body)?;
            }
            let held = self.hold(receipt, visibility, body.as_ref()).await;
            held.map_err(|error| self.unusable(error))
        })
    }

    fn delete<'a>(&'a self, receipt: &'a Receipt) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let deleted = async {
                let client = self.client()?;
                client
                    .delete_message(&receipt.id, &receipt.pop, None)
                    .await
                    .map(drop)
            };
            deleted.await.map_err(|error| self.unusable(error))
        })
    }

    fn depth(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        Box::pin(async move {
            let counted = self.count().await;
            counted.map_err(|error| self.unusable(error))
        })
    }

    fn peek(&self, most: usize) -> BoxFuture<'_, Result<Vec<Peeked>, QueueError>> {
        Box::pin(async move {
            if most == 0 {
                return Ok(Vec::new());
            }
            let peeked = self.look(most).await;
            peeked.map_err(|error| self.unusable(error))
        })
    }

    fn purge(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        Box::pin(async move {
            let purged = self.empty().await;
            purged.map_err(|error| self.unusable(error))
        })
    }
}

fn written(body: &Bytes) -> Asked<RequestContent<QueueMessage, XmlFormat>> {
    QueueMessage {
        message_text: Some(STANDARD.encode(body)),
    }
    .try_into()
}

fn read(text: Option<String>) -> Bytes {
    let text = text.unwrap_or_default();
    match STANDARD.decode(&text) {
        Ok(body) => body.into(),
        Err(_) => text.into(),
    }
}

/// Never less than what is asked for.
fn seconds(duration: Duration) -> i32 {
    let up = duration.min(LONGEST).as_secs_f64().ceil();
    up as i32
}

fn at_once(most: usize) -> i32 {
    most.min(MOST_AT_ONCE) as i32
}

fn count(dequeued: Option<i64>) -> u32 {
    u32::try_from(dequeued.unwrap_or_default()).unwrap_or(u32::MAX)
}

fn moment(time: Option<OffsetDateTime>) -> Timestamp {
    let millis = time.map(|time| time.unix_timestamp_nanos() / 1_000_000);
    Timestamp::from_millis(u64::try_from(millis.unwrap_or_default()).unwrap_or_default())
}

fn unnamed() -> azure_core::Error {
    let message = "the service answered with a message that has no id or receipt";
    azure_core::Error::with_message(ErrorKind::DataConversion, message)
}

fn code(error: &azure_core::Error) -> Option<(StatusCode, &str)> {
    match error.kind() {
        ErrorKind::HttpResponse {
            status, error_code, ..
        } => Some((*status, error_code.as_deref().unwrap_or_default())),
        _ => None,
    }
}

fn is_no_queue(error: &azure_core::Error) -> bool {
    code(error).is_some_and(|(_, code)| code == "QueueNotFound")
}

/// The message is gone, or another has received it.
fn is_lost(error: &azure_core::Error) -> bool {
    code(error).is_some_and(|(_, code)| {
        ["MessageNotFound", "PopReceiptMismatch", "QueueNotFound"].contains(&code)
    })
}

/// What to do about it.
fn hint(error: &azure_core::Error) -> &'static str {
    let (status, code) = code(error).unzip();
    let status = status.map(u16::from);
    hint::hint(Of::Queues, status, code.unwrap_or_default())
}
