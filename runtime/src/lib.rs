//! The stage functions of cutline.
//!
//! Empty so far. It will hold the seven stages as single-purpose, idempotent,
//! stateless functions that talk through queues and blobs, embedded on one
//! machine or on Azure Storage and Azure Functions.
