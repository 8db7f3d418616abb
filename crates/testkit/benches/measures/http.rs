//! A server process and a client that keeps its connection, with as little of its own as can be.

use anyhow::{Context as _, Result, bail, ensure};
use jay_testkit::Jay;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

/// A running `jay serve`; it is killed when this goes.
pub(crate) struct Server {
    process: Child,
    address: String,
    token: String,
}

impl Server {
    /// Starts one on a free port, over the store in `home`.
    pub(crate) fn start(jay: &Jay, home: &Path) -> Result<Self> {
        let mut command = jay.command(&["serve", "--addr", "127.0.0.1:0"]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stderr.take().context("stderr is a pipe")?).read_line(&mut line)?;
        let mut server = Self { process, address: String::new(), token: String::new() };
        server.address = line.trim().strip_prefix("listening on http://").context(line.clone())?.to_owned();
        server.token = std::fs::read_to_string(home.join("state/token"))?.trim().to_owned();
        Ok(server)
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Result<Client> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        let head = format!("Host: {}\r\nAuthorization: Bearer {}\r\n", self.address, self.token);
        Ok(Client { stream: BufReader::new(stream), head })
    }

    /// Bytes that it has in memory, its touched pages of mapped files too; none where the system does not say it so.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    }

    /// A counter of `/metrics`.
    pub(crate) fn counter(&self, name: &str) -> Result<f64> {
        let page = self.connect()?.send("GET", "/metrics", "")?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no counter {name}"))?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone either way.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One kept connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Client {
    /// Calls an operation, which must succeed.
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<()> {
        self.send("POST", &format!("/v1/{operation}"), &input.to_string()).map(drop)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let mut length = None;
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let mut answer = vec![0; length.context("an answer without a length")?];
        self.stream.read_exact(&mut answer)?;
        let answer = String::from_utf8(answer)?;
        if status.split(' ').nth(1) != Some("200") {
            bail!("{}: {answer}", status.trim());
        }
        Ok(answer)
    }
}
