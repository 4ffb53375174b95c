//! Letters: UTF-8 with or without a byte order mark, and GBK, as a stream.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::str;

use encoding_rs::{Decoder, GBK, UTF_8};

use super::Encoding;

const CHUNK: usize = 64 * 1024;

/// The encoding a file is read in. With `auto` it is read once to its end: a file is UTF-8 when all of it is.
pub fn choose(file: &Path, wanted: Encoding) -> io::Result<&'static encoding_rs::Encoding> {
    match wanted {
        Encoding::Utf8 => Ok(UTF_8),
        Encoding::Gbk => Ok(GBK),
        Encoding::Auto if is_utf8(File::open(file)?)? => Ok(UTF_8),
        Encoding::Auto => Ok(GBK),
    }
}

fn is_utf8(mut file: impl Read) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK];
    let mut kept = 0;
    loop {
        let read = file.read(&mut chunk[kept..])?;
        let filled = kept + read;
        kept = match str::from_utf8(&chunk[..filled]) {
            Ok(_) => 0,
            // A letter that is cut by the end of the chunk.
            Err(error) if error.error_len().is_none() && read > 0 => {
                chunk.copy_within(error.valid_up_to()..filled, 0);
                filled - error.valid_up_to()
            }
            Err(_) => return Ok(false),
        };
        if read == 0 {
            return Ok(true);
        }
    }
}

/// Reads bytes of an encoding as UTF-8. What is none reads as U+FFFD.
pub struct Decoding<R> {
    from: R,
    decoder: Decoder,
    bytes: Vec<u8>,
    /// What is read and not decoded yet.
    left: Range<usize>,
    text: Vec<u8>,
    /// What is decoded and not handed out yet.
    ready: Range<usize>,
    ended: bool,
    /// Bytes taken from the file.
    pub taken: u64,
}

impl<R: Read> Decoding<R> {
    /// Reads from a file's beginning.
    pub fn new(from: R, encoding: &'static encoding_rs::Encoding) -> Self {
        Self {
            from,
            decoder: encoding.new_decoder_with_bom_removal(),
            bytes: vec![0; CHUNK],
            left: 0..0,
            text: vec![0; CHUNK],
            ready: 0..0,
            ended: false,
            taken: 0,
        }
    }

    /// Decodes until something is ready, or the file has ended.
    fn decode(&mut self) -> io::Result<()> {
        while self.ready.is_empty() {
            if self.left.is_empty() {
                if self.ended {
                    return Ok(());
                }
                let read = self.from.read(&mut self.bytes)?;
                self.left = 0..read;
                self.taken += read as u64;
                self.ended = read == 0;
            }
            let from = &self.bytes[self.left.clone()];
            let (_, read, written, _) =
                self.decoder
                    .decode_to_utf8(from, &mut self.text, self.ended);
            self.left.start += read;
            self.ready = 0..written;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.decode()?;
        let given = self.ready.len().min(to.len());
        let begin = self.ready.start;
        to[..given].copy_from_slice(&self.text[begin..begin + given]);
        self.ready.start += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> String {
        let mut text = String::new();
        let read = Decoding::new(bytes, encoding).read_to_string(&mut text);
        read.expect("text");
        text
    }

    #[test]
    fn letters_are_read_in_both_encodings_and_a_mark_is_no_letter() {
        assert_eq!(
            decoded("\u{feff}客户,Müller".as_bytes(), UTF_8),
            "客户,Müller"
        );
        let (gbk, ..) = GBK.encode("客户,你好");
        assert_eq!(decoded(&gbk, GBK), "客户,你好");
        assert_eq!(decoded(b"a\xff", UTF_8), "a\u{fffd}");
        let long = "客".repeat(CHUNK);
        assert_eq!(decoded(long.as_bytes(), UTF_8), long);
    }

    #[test]
    fn a_file_is_utf_8_when_all_of_it_is_also_where_chunks_meet() {
        let long = format!("a{}", "客".repeat(CHUNK));
        assert!(is_utf8(long.as_bytes()).expect("read"));
        assert!(is_utf8(&b""[..]).expect("read"));
        let (gbk, ..) = GBK.encode("客户");
        assert!(!is_utf8(&*gbk).expect("read"));
        assert!(!is_utf8(&long.as_bytes()[..long.len() - 1]).expect("read"));
    }
}
