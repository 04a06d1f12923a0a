//! A TCP proxy that can be cut, to take a database away from a running node.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How often a frozen connection looks whether it may go on.
const FROZEN: Duration = Duration::from_millis(20);

/// Passes connections on to another address until it is cut.
pub struct Proxy {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    targets: Mutex<Vec<String>>,
    is_cut: AtomicBool,
    is_frozen: AtomicBool,
    is_over: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts to listen on a free port of the loopback address.
    ///
    /// # Panics
    /// When no port is to be had.
    #[must_use]
    pub fn to(target: String) -> Self {
        let proxy = Self::to_nobody();
        proxy.also_to(target);
        proxy
    }

    /// Starts to listen before it is known whom for: see [`Proxy::also_to`].
    ///
    /// # Panics
    /// When no port is to be had.
    #[must_use]
    pub fn to_nobody() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                shared.accept(client);
            }
        });
        Self { address, state }
    }

    /// `host:port` at which it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Passes connections on to this address too, where those before it take none.
    ///
    /// # Panics
    /// Never, unless a thread did while it held the list.
    pub fn also_to(&self, target: String) {
        self.state.targets.lock().unwrap().push(target);
    }

    /// Breaks all connections, and every new one at once.
    pub fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        self.state.break_all();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.is_cut.store(false, Ordering::SeqCst);
    }

    /// Keeps all connections open and takes new ones, and passes nothing on until [`Proxy::thaw`].
    pub fn freeze(&self) {
        self.state.is_frozen.store(true, Ordering::SeqCst);
    }

    /// Passes on again, what waited first.
    pub fn thaw(&self) {
        self.state.is_frozen.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn accept(self: &Arc<Self>, client: TcpStream) {
        if self.is_cut.load(Ordering::SeqCst) {
            return;
        }
        let targets = self.targets.lock().unwrap().clone();
        let Some(server) = targets.iter().find_map(|to| TcpStream::connect(to).ok()) else {
            return;
        };
        // Small questions and answers: waiting to fill packets would be all that one measures.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        {
            let mut open = self.open.lock().unwrap();
            open.push(client.try_clone().unwrap());
            open.push(server.try_clone().unwrap());
        }
        // It may have been cut while we connected.
        if self.is_cut.load(Ordering::SeqCst) {
            self.break_all();
        }
        self.pass(client.try_clone().unwrap(), server.try_clone().unwrap());
        self.pass(server, client);
    }

    fn pass(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream) {
        let state = Arc::clone(self);
        thread::spawn(move || {
            let mut bytes = vec![0; 16_384];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                while state.is_frozen.load(Ordering::SeqCst) {
                    thread::sleep(FROZEN);
                }
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }

    fn break_all(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.thaw();
        self.cut();
        // Wakes the listening thread, so that it sees the end.
        let _ = TcpStream::connect(&self.address);
    }
}
