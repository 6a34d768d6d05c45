//! The files of a machine: this program and the libraries that it was loaded with, as an archive that a kernel unpacks (cpio,
//! "newc": Documentation/driver-api/early-userspace/buffer-format.rst of Linux).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Where this program is there.
pub(super) const PROGRAM: &str = "/pushbench";

/// The device that a first process speaks to, and nobody else makes for it.
const CONSOLE: (&str, u32, u32) = ("/dev/console", 5, 1);

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_755;
const DEVICE: u32 = 0o020_600;

/// The files of a machine.
pub(super) struct Files {
    pub(super) archive: Vec<u8>,
    /// Libraries of the program, each by its path.
    pub(super) libraries: Vec<String>,
}

/// This program, its libraries and what loads them.
pub(super) fn of_this_program() -> io::Result<Files> {
    let program = fs::read(std::env::current_exe()?)?;
    let mut archive = Archive::default();
    let (console, major, minor) = CONSOLE;
    archive.add(console, DEVICE, &[], (major, minor));
    archive.add("/tmp/", DIRECTORY, &[], (0, 0));
    let loader = Elf::of(&program).and_then(Elf::loader);
    if let Some(loader) = loader {
        archive.file(loader, &fs::read(loader)?);
    }
    let loader = loader.and_then(|loader| fs::canonicalize(loader).ok());
    let mut known = Vec::new();
    for library in libraries(&fs::read_to_string("/proc/self/maps")?) {
        if loader.as_deref() != Some(Path::new(library)) {
            archive.file(library, &fs::read(library)?);
            known.push(library.to_owned());
        }
    }
    archive.file(PROGRAM, &program);
    Ok(Files {
        archive: archive.end(),
        libraries: known,
    })
}

/// The files whose code is mapped, but for the first, which is the program: they were loaded with it.
fn libraries(maps: &str) -> BTreeSet<&str> {
    let code = maps.lines().filter_map(|line| {
        let mut words = line.splitn(6, ' ');
        let rights = words.nth(1)?;
        let path = words.nth(3)?.trim_start();
        (path.starts_with('/') && rights.contains('x')).then_some(path)
    });
    let mut code = code;
    let program = code.next();
    code.filter(|&path| Some(path) != program).collect()
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    known: BTreeSet<String>,
}

impl Archive {
    /// A file, without what is in it for debuggers only.
    fn file(&mut self, path: &str, content: &[u8]) {
        let loaded = Elf::of(content).and_then(Elf::end).unwrap_or(content.len());
        self.add(path, FILE, &content[..loaded], (0, 0));
    }

    fn add(&mut self, path: &str, mode: u32, content: &[u8], device: (u32, u32)) {
        let above = Path::new(path).parent().and_then(Path::to_str);
        if let Some(above) = above.filter(|above| above.len() > 1)
            && !self.known.contains(above)
        {
            self.add(above, DIRECTORY, &[], (0, 0));
        }
        let path = path.trim_end_matches('/');
        if self.known.insert(path.to_owned()) {
            self.entry(path.trim_start_matches('/'), mode, content, device);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8], (major, minor): (u32, u32)) {
        let number = self.known.len() as u32;
        let (size, name_size) = (content.len() as u32, name.len() as u32 + 1);
        let fields = [
            number, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn end(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[], (0, 0));
        self.bytes
    }
}

/// An executable of 64 bits, lowest byte first (elf(5)).
#[derive(Clone, Copy)]
struct Elf<'a> {
    bytes: &'a [u8],
}

/// Segments of it: type, place in the file, length in the file.
type Segment = (u32, usize, usize);

impl<'a> Elf<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        bytes
            .starts_with(b"\x7fELF\x02\x01")
            .then_some(Self { bytes })
    }

    fn number<const N: usize>(self, at: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(N)?)?;
        let mut number = [0; 8];
        number[..N].copy_from_slice(bytes);
        usize::try_from(u64::from_le_bytes(number)).ok()
    }

    fn segments(self) -> Option<Vec<Segment>> {
        let (first, size) = (self.number::<8>(32)?, self.number::<2>(54)?);
        let segment = |index: usize| {
            let at = first.checked_add(index.checked_mul(size)?)?;
            let kind = self.number::<4>(at)? as u32;
            let (offset, len) = (
                self.number::<8>(at.checked_add(8)?)?,
                self.number::<8>(at.checked_add(32)?)?,
            );
            (offset.checked_add(len)? <= self.bytes.len()).then_some((kind, offset, len))
        };
        (0..self.number::<2>(56)?).map(segment).collect()
    }

    /// Where what is loaded ends; sections behind that are for linkers and debuggers.
    fn end(self) -> Option<usize> {
        let ends = self.segments()?.into_iter();
        ends.map(|(_, offset, len)| offset + len).max()
    }

    /// The program that loads it, if it needs one.
    fn loader(self) -> Option<&'a str> {
        const INTERPRETER: u32 = 3;
        let segments = self.segments()?;
        let &(_, offset, len) = segments.iter().find(|(kind, ..)| *kind == INTERPRETER)?;
        let path = std::str::from_utf8(&self.bytes[offset..offset + len]).ok()?;
        Some(path.trim_end_matches('\0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_the_other_files_whose_code_is_mapped() {
        let maps = "\
            5581c0a00000-5581c0b00000 r--p 00000000 fe:00 1 /opt/pushbench\n\
            5581c0b00000-5581c0c00000 r-xp 00100000 fe:00 1 /opt/pushbench\n\
            7f0000000000-7f0000100000 r-xp 00028000 fe:00 2 /usr/lib/libc.so.6\n\
            7f00000f0000-7f0000100000 r-xp 00028000 fe:00 27                         /opt/a b/libd.so\n\
            7f0000100000-7f0000200000 rw-p 00128000 fe:00 3 /var/data\n\
            7f0000200000-7f0000300000 r-xp 00000000 fe:00 2 /usr/lib/libc.so.6\n\
            7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0 [vdso]\n";
        let expected = ["/opt/a b/libd.so", "/usr/lib/libc.so.6"];
        assert_eq!(libraries(maps), BTreeSet::from(expected));
    }

    #[test]
    fn an_archive_has_the_directories_of_its_files_once() {
        let mut archive = Archive::default();
        archive.file("/a/b/c", b"hello");
        archive.file("/a/b/d", b"");
        archive.file("/a/b/d", b"again");
        let bytes = archive.end();
        // Name, mode and size of every entry, read as the format says.
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |n: usize| {
                let from = at + 6 + 8 * n;
                let hex = std::str::from_utf8(&bytes[from..from + 8]).unwrap();
                usize::from_str_radix(hex, 16).unwrap()
            };
            let (mode, size, name_size) = (field(1), field(6), field(11));
            let name = &bytes[at + 110..at + 109 + name_size];
            let name = std::str::from_utf8(name).unwrap();
            found.push((name.to_owned(), mode as u32, size));
            at = (at + 110 + name_size).next_multiple_of(4) + size.next_multiple_of(4);
        }
        let expected = [
            ("a", DIRECTORY, 0),
            ("a/b", DIRECTORY, 0),
            ("a/b/c", FILE, 5),
            ("a/b/d", FILE, 0),
            ("TRAILER!!!", 0, 0),
        ];
        let expected = expected.map(|(name, mode, size)| (name.to_owned(), mode, size));
        assert_eq!(found, expected);
    }

    #[test]
    fn this_program_loses_what_is_not_loaded_and_keeps_its_loader() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::of(&program).unwrap();
        let end = elf.end().unwrap();
        assert!(end < program.len(), "{end} of {}", program.len());
        let Files { archive, libraries } = of_this_program().unwrap();
        assert!(libraries.iter().all(|library| !library.contains("/ld-")));
        assert!(archive.len() > end);
        if let Some(loader) = elf.loader() {
            let name = loader.trim_start_matches('/').as_bytes();
            assert!(archive.windows(name.len()).any(|bytes| bytes == name));
        }
    }

    #[test]
    fn files_that_are_cut_or_lie_are_taken_whole() {
        let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
        for len in (0..200).chain([program.len() / 2]) {
            if let Some(elf) = Elf::of(&program[..len]) {
                assert_eq!(elf.end().filter(|&end| end > len), None);
                assert!(elf.loader().is_none() || len > 200);
            }
        }
        program[32..40].fill(0xff);
        let elf = Elf::of(&program).unwrap();
        assert_eq!((elf.end(), elf.loader()), (None, None));
        assert!(Elf::of(b"#!/bin/sh").is_none());
    }
}
