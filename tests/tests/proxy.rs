//! The proxy that takes databases away does so.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use lotse_tests::proxy::Proxy;

/// A server that answers each byte with the same byte.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten().take(2) {
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() {
                stream.write_all(&byte).unwrap();
            }
        }
    });
    address
}

fn answers(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    stream.write_all(b"x").is_ok() && stream.read_exact(&mut byte).is_ok() && byte == *b"x"
}

#[test]
fn a_cut_breaks_open_and_new_connections_until_it_is_mended() {
    let proxy = Proxy::to(echo());
    let mut first = TcpStream::connect(proxy.address()).unwrap();
    assert!(answers(&mut first));

    proxy.cut();
    assert!(!answers(&mut first));
    assert!(!TcpStream::connect(proxy.address()).is_ok_and(|mut stream| answers(&mut stream)));

    proxy.mend();
    assert!(answers(&mut TcpStream::connect(proxy.address()).unwrap()));
}
