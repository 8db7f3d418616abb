//! MCP's messages as lines on a pipe, each of which is answered.
//!
//! rmcp's own transport drops a line that is no JSON, is nested too deep or is too long without a word, and the
//! client waits for ever. Here it is told, as JSON-RPC has it.
//!
//! **Invariant:** a line is bounded, and a refusal holds nothing of what the line said.

use jay_types::bounds::BODY_MAX_BYTES;
use rmcp::RoleServer;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::{Value, json};
use std::io::Error;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// A pipe of lines. What `receive` has read of a line is kept here, since the service drops the future that reads.
pub struct Lines<R, W> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// The line is longer than it may be, and its rest is skipped.
    is_too_long: bool,
    ended: bool,
    writer: Arc<Mutex<W>>,
    /// A refusal that is being written, on a task of its own: half of one must not stand before another message.
    refusal: Option<JoinHandle<()>>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Lines<R, W> {
    /// Lines from `reader`, answered on `writer`.
    pub fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
            is_too_long: false,
            ended: false,
            writer: Arc::new(Mutex::new(writer)),
            refusal: None,
        }
    }

    /// The next whole line, without its end; none where nothing more comes.
    async fn next_line(&mut self) -> Option<Result<Vec<u8>, Value>> {
        while !self.ended {
            // Nothing is taken out of the reader before this is ready, and nothing is awaited after it.
            let read = match self.reader.fill_buf().await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%error, "the client's messages cannot be read");
                    return None;
                }
            };
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = end.map_or(read, |end| read.get(..end).unwrap_or_default());
            if self.line.len() + part.len() > BODY_MAX_BYTES {
                self.is_too_long = true;
                self.line = Vec::new();
            } else if !self.is_too_long {
                self.line.extend_from_slice(part);
            }
            self.ended = read.is_empty();
            let taken = end.map_or(read.len(), |end| end + 1);
            self.reader.consume(taken);
            if end.is_none() && !self.ended {
                continue;
            }
            if std::mem::take(&mut self.is_too_long) {
                return Some(Err(refusal(
                    &Value::Null,
                    -32600,
                    &format!("the message is longer than {BODY_MAX_BYTES} bytes"),
                )));
            }
            let line = std::mem::take(&mut self.line);
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(Ok(line));
            }
        }
        None
    }
}

/// The message of a line; none where it asks for nothing; or the refusal to send.
fn message(line: &[u8]) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Value> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let not_json = |fault| refusal(&Value::Null, -32700, &format!("the message {fault}"));
    let value = jay_ops::json::parse(line).map_err(not_json)?;
    if let Ok(message) = serde_json::from_slice(line) {
        return Ok(Some(message));
    }
    match (value.get("method"), value.get("id")) {
        // A notification is never answered.
        (Some(Value::String(_)), None) => Ok(None),
        (_, id) => {
            let id = id.filter(|id| id.is_string() || id.is_i64() || id.is_u64()).unwrap_or(&Value::Null);
            let is_shape = value.get("params").is_some_and(|params| !params.is_object());
            Err(match is_shape {
                true => refusal(id, -32602, "`params`: must be an object"),
                false => refusal(id, -32600, "the message is not one of JSON-RPC 2.0"),
            })
        }
    }
}

fn refusal(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

async fn write_line<W: AsyncWrite + Unpin>(writer: &Mutex<W>, mut line: Vec<u8>) -> Result<(), Error> {
    line.push(b'\n');
    let mut writer = writer.lock().await;
    writer.write_all(&line).await?;
    writer.flush().await
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        async move { write_line(&writer, serde_json::to_vec(&item)?).await }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(writing) = &mut self.refusal {
                // A client that does not read has only itself to blame.
                let _ = writing.await;
                self.refusal = None;
            }
            match self.next_line().await?.and_then(|line| message(&line)) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(refused) => {
                    let writer = Arc::clone(&self.writer);
                    self.refusal = Some(tokio::spawn(async move {
                        let _ = write_line(&writer, refused.to_string().into_bytes()).await;
                    }));
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Error> {
        self.writer.lock().await.shutdown().await
    }
}
