//! One connection, with deadlines that the framework does not have: for a head that drips after the first request, for a body
//! that nobody reads, for a peer that does not take its answer.
//!
//! The framework bounds only the first head of a connection and its idle time. Here every wait for the peer is bounded:
//!
//! | the connection | ends when |
//! |---|---|
//! | sends a head | there is no room for the bytes of heads beyond what most have |
//! | is between two requests | a request has not arrived whole within the head's time after its first byte, or within the idle time and the head's time in all, or more bytes than [`consts::DRAIN_BYTES`] came that are no request |
//! | is worked on, without a body to read | never: but no more than [`consts::READ_AHEAD_BYTES`] are read from it |
//! | waits for its client: for a request, or for a body | there is no room for another connection, and no other has waited for longer |
//! | is sent an answer | less than [`consts::WRITE_BYTES`] went out within the time for writing; or others need the room that the answer takes, or one of the [places](consts::STALLED) for answers that stand still, and no other has stood still for longer |

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::consts;
use crate::load::Share;

/// How long each wait may be.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until the head of a request has arrived.
    pub head: Duration,
    /// For a connection on which nothing is asked.
    pub keep_alive: Duration,
    /// In which an answer must get on.
    pub write: Duration,
}

/// What the surface and the stream of a connection tell each other. Requests find it in their connection data.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Requests that are worked on or answered: one at most, as the framework has it.
    open: Cell<usize>,
    /// Bytes that may be read until a request begins or ends.
    allowance: Cell<usize>,
    /// Whether a byte has arrived since the last request began.
    arriving: Cell<bool>,
    /// Who waits for more of it.
    reader: RefCell<Option<Waker>>,
    /// What the answer that is sent holds of the room for answers.
    answer: RefCell<Weak<RefCell<Share>>>,
    /// Its place among all connections.
    place: RefCell<Share>,
}

impl Connection {
    fn new(place: Share) -> Rc<Self> {
        Rc::new(Self {
            open: Cell::new(0),
            allowance: Cell::new(consts::DRAIN_BYTES),
            arriving: Cell::new(false),
            reader: RefCell::new(None),
            answer: RefCell::default(),
            place: RefCell::new(place),
        })
    }

    /// A request has arrived. It ends when what is returned is dropped: when its answer was handed over whole.
    pub(crate) fn begin(self: &Rc<Self>, has_body: bool) -> Working {
        self.open.set(self.open.get() + 1);
        self.arriving.set(false);
        // From here on it does not wait for its client, unless for a body.
        self.place.borrow_mut().go_on();
        self.allow(if has_body {
            usize::MAX
        } else {
            consts::READ_AHEAD_BYTES
        });
        Working(Rc::clone(self))
    }

    /// The body of the request has been read.
    pub(crate) fn body_is_read(&self) {
        self.allow(consts::READ_AHEAD_BYTES);
        self.place.borrow_mut().go_on();
    }

    /// An answer that holds so much is sent from now on. While the client does not take it, it yields to others.
    pub(crate) fn sends(&self, answer: &Rc<RefCell<Share>>) {
        self.answer.replace(Rc::downgrade(answer));
    }

    /// Does something to what the answer holds, if one is sent; whether it still holds that.
    fn of_answer(&self, act: impl FnOnce(&mut Share) -> bool) -> bool {
        let answer = self.answer.borrow().upgrade();
        answer.is_none_or(|answer| act(&mut answer.borrow_mut()))
    }

    /// Nothing of a request or of its body arrives at the moment; whether it may go on waiting for that.
    pub(crate) fn may_wait(&self, context: &Context<'_>) -> bool {
        self.place.borrow_mut().wait(context)
    }

    fn is_working(&self) -> bool {
        self.open.get() > 0
    }

    fn allow(&self, bytes: usize) {
        self.allowance.set(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// A request that is worked on.
#[derive(Debug)]
pub(crate) struct Working(Rc<Connection>);

impl Drop for Working {
    fn drop(&mut self) {
        let connection = &self.0;
        connection.open.set(connection.open.get().saturating_sub(1));
        if !connection.is_working() {
            connection.allow(consts::DRAIN_BYTES);
        }
    }
}

/// What a connection holds of what all share.
#[derive(Debug)]
pub struct Held {
    /// Its place among all connections.
    pub place: Share,
    /// Its place among those of its client; none for those of proxies.
    pub of_client: Option<Share>,
    /// Bytes of its heads, none so far.
    pub heads: Share,
    /// A place among those whose answers stand still, which it does not have yet.
    pub still: Share,
}

/// A stream with the deadlines of its connection.
#[derive(Debug)]
pub struct Guarded {
    io: TcpStream,
    connection: Rc<Connection>,
    times: Times,
    /// Runs between requests.
    idle: Option<Pin<Box<Sleep>>>,
    /// Since when less was taken than there is.
    stalled: Option<Stall>,
    /// Its place among those whose answers stand still.
    still: Share,
    /// Bytes that have arrived since the last answer, and what is counted of them.
    head: usize,
    heads: Share,
    /// Its place among those of its client.
    _of_client: Option<Share>,
}

#[derive(Debug)]
struct Stall {
    timer: Pin<Box<Sleep>>,
    written: usize,
    /// Bytes that were taken since it began to wait.
    taken: usize,
}

impl Guarded {
    /// Guards a stream that has just been opened.
    pub fn new(io: TcpStream, times: Times, shares: Held) -> Self {
        let Held {
            place,
            of_client,
            heads,
            still,
        } = shares;
        Self {
            io,
            connection: Connection::new(place),
            times,
            idle: None,
            stalled: None,
            still,
            head: 0,
            heads,
            _of_client: of_client,
        }
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Lets the idle time run, from now on.
    fn rest(&mut self, longest: Duration, context: &mut Context<'_>) -> Poll<()> {
        let until = Instant::now() + longest;
        let timer = self.idle.get_or_insert_with(|| Box::pin(sleep(longest)));
        timer.as_mut().reset(until);
        timer.as_mut().poll(context)
    }

    /// Gives the connection up, with all that the system still holds for it.
    fn give_up(&self, why: &'static str) -> io::Error {
        let _ = sockopt::set_socket_linger(&self.io, Some(Duration::ZERO));
        io::Error::new(io::ErrorKind::TimedOut, why)
    }

    /// What has been read so far between two requests is judged: nothing may take for ever.
    fn judge_idle(&mut self, bytes: usize, context: &mut Context<'_>) -> io::Result<()> {
        if bytes > 0 {
            let left = self.connection.allowance.get().saturating_sub(bytes);
            self.connection.allowance.set(left);
            if left == 0 {
                return Err(self.give_up("what arrives is no request"));
            }
            if !self.count_head(bytes) {
                return Err(self.give_up("there is no room for such a head"));
            }
            if !self.connection.arriving.replace(true) {
                let _ = self.rest(self.times.head + consts::HEAD_SLACK, context);
            }
        }
        let timer = self.idle.as_mut();
        match timer.map(|timer| timer.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Err(self.give_up("no request has arrived in time")),
            _ => Ok(()),
        }
    }

    /// Counts what may be the head of a request, beyond what most have.
    fn count_head(&mut self, bytes: usize) -> bool {
        let counted = |head: usize| {
            head.min(consts::HEAD_BYTES)
                .saturating_sub(consts::HEAD_BYTES_FREE)
        };
        let before = counted(self.head);
        self.head = self.head.saturating_add(bytes);
        self.heads.grow(counted(self.head) - before)
    }

    /// What has been written is judged: a peer that takes its answer takes some of it in each stretch of time.
    fn judge_writing(&mut self, bytes: usize, context: &mut Context<'_>) -> io::Result<()> {
        let time = self.times.write;
        let stall = self.stalled.get_or_insert_with(|| Stall {
            timer: Box::pin(sleep(time)),
            written: 0,
            taken: 0,
        });
        stall.written += bytes;
        stall.taken += bytes;
        if stall.taken >= consts::WRITE_BYTES {
            stall.taken = 0;
            self.still.give_back();
            self.connection.of_answer(Share::go_on);
        }
        while stall.timer.as_mut().poll(context).is_ready() {
            if stall.written < consts::WRITE_BYTES {
                return Err(self.give_up("the answer is not taken"));
            }
            stall.written = 0;
            stall.timer.as_mut().reset(Instant::now() + time);
        }
        Ok(())
    }

    /// The peer takes nothing at the moment: others may need the room.
    fn stand_still(&mut self, context: &Context<'_>) -> io::Result<()> {
        let has_place = self.still.is_held() || self.still.grow(1);
        let keeps = has_place
            && self.still.wait(context)
            && self.connection.of_answer(|answer| answer.wait(context));
        if keeps {
            return Ok(());
        }
        Err(self.give_up("others need the room of an answer that is not taken"))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let working = this.connection.is_working();
        if working && this.connection.allowance.get() == 0 {
            this.connection
                .reader
                .replace(Some(context.waker().clone()));
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(context, buffer);
        let bytes = buffer.filled().len() - before;
        if polled.is_pending() && !working && !this.connection.may_wait(context) {
            return Poll::Ready(Err(this.give_up("others need the place of one that waits")));
        }
        if working {
            let left = this.connection.allowance.get();
            this.connection.allowance.set(left.saturating_sub(bytes));
            this.heads.go_on();
        } else if !matches!(polled, Poll::Ready(Err(_))) {
            this.judge_idle(bytes, context)?;
            if !this.heads.wait(context) {
                return Poll::Ready(Err(this.give_up("others need the room of such a head")));
            }
        }
        polled
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(context, bytes);
        match &polled {
            Poll::Pending => {
                this.judge_writing(0, context)?;
                this.stand_still(context)?;
            }
            Poll::Ready(Ok(written)) if this.stalled.is_some() => {
                this.judge_writing(*written, context)?;
            }
            Poll::Ready(_) => {}
        }
        polled
    }

    /// Called when all that was to be written has been taken.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.stalled.take().is_some() {
            this.still.give_back();
            this.connection.of_answer(Share::go_on);
        }
        if !this.connection.is_working() && !this.connection.arriving.get() {
            this.head = 0;
            this.heads.give_back();
            let longest = this.times.keep_alive + this.times.head + consts::HEAD_SLACK;
            let _ = this.rest(longest, context);
            // Whether it has lost its place it hears when it is woken to read.
            let _ = this.connection.may_wait(context);
        }
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
