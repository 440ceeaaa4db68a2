//! The parent's side of one child: what it is sent, and its answers, each within bounds. The child ends when this does.

use super::wire::{Answer, Content, Order};
use super::{FileFault, TASK};
use formats::limits::Limits;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// An answer's line is no longer than this.
const LONGEST_LINE: u64 = 48_000_000;
/// All answers to one upload together, whichever child gives them: two archives' files, or a full table beside one.
pub(super) const ALL_ANSWERS: u64 = 108_000_000;
/// A longer answer is parsed beside the threads that serve others.
const LONG: usize = 64_000;

pub(super) struct Conversation {
    /// Killed when it is dropped.
    _child: Child,
    answers: BufReader<ChildStdout>,
    writing: JoinHandle<()>,
    /// Bytes that may still be answered.
    pub left: u64,
    until: Instant,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.writing.abort();
    }
}

impl Conversation {
    /// Starts a child and sends it its order and the files, while its answers are read.
    pub fn start(
        program: &Path,
        order: &Order,
        contents: Vec<Arc<Vec<u8>>>,
        (left, until): (u64, Instant),
    ) -> Result<Self, FileFault> {
        let mut command = Command::new(program);
        command.arg(TASK).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            tracing::error!(%error, program = %program.display(), "the file reader does not start");
            FileFault::stopped()
        })?;
        let line = serde_json::to_vec(order).map_err(|_| FileFault::stopped())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(FileFault::stopped()) };
        // A child that has seen enough closes its end: not an error.
        let writing = tokio::spawn(async move {
            let _ = write(input, line, contents).await;
        });
        Ok(Self { _child: child, answers: BufReader::new(output), writing, left, until })
    }

    /// The next answer, with the bytes of its line and those behind it. None where no more comes: the child was stopped, or its
    /// answer breaks the protocol.
    pub async fn next(&mut self) -> Option<(Answer, usize, Vec<u8>)> {
        let until = tokio::time::Instant::from_std(self.until);
        tokio::time::timeout_at(until, self.read()).await.ok().flatten()
    }

    async fn read(&mut self) -> Option<(Answer, usize, Vec<u8>)> {
        let mut line = Vec::new();
        let most = self.left.min(LONGEST_LINE);
        (&mut self.answers).take(most).read_until(b'\n', &mut line).await.ok()?;
        if line.last() != Some(&b'\n') {
            return None;
        }
        let length = line.len();
        self.left = self.left.saturating_sub(u64::try_from(length).ok()?);
        let answer: Answer = if length < LONG {
            serde_json::from_slice(&line).ok()?
        } else {
            tokio::task::spawn_blocking(move || serde_json::from_slice(&line)).await.ok()?.ok()?
        };
        let mut behind = Vec::new();
        if let Answer::Found { content: Content::Behind(length), .. } = &answer {
            let wanted = u64::try_from(*length).ok()?;
            if *length > Limits::default().file_bytes || wanted > self.left {
                return None;
            }
            self.left = self.left.saturating_sub(wanted);
            behind.reserve_exact(*length);
            (&mut self.answers).take(wanted).read_to_end(&mut behind).await.ok()?;
            if behind.len() != *length {
                return None;
            }
        }
        Some((answer, length, behind))
    }
}

async fn write(mut input: ChildStdin, mut line: Vec<u8>, contents: Vec<Arc<Vec<u8>>>) -> std::io::Result<()> {
    line.push(b'\n');
    input.write_all(&line).await?;
    for content in contents {
        input.write_all(&content).await?;
    }
    input.shutdown().await
}
