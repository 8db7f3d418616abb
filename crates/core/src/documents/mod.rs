//! Documents: files of a folder, cut into pieces that are found as `path:line`.

pub mod cut;
