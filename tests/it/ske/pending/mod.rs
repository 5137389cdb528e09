//! Recorded requests from the portal's side: who may record what, what the catalog reads, when a request goes.

mod desk;
mod feed;
mod input;
mod landing;
mod notices;
mod recording;
mod review;
mod storage;
