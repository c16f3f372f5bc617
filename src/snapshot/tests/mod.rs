//! What must hold of any snapshot: what was written is read, and nothing else is.

mod files;
mod merging;
mod sorting;

use super::*;
use std::collections::BTreeMap;
use std::io::Cursor;

type Documents = BTreeMap<String, String>;

fn write(documents: &Documents) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Kind::Records).unwrap();
    for (key, document) in documents {
        writer.append(key.as_bytes(), document.as_bytes()).unwrap();
    }
    writer.finish().unwrap().0
}

fn read_with(mut reader: Reader) -> Result<Documents, Error> {
    let mut documents = Documents::new();
    while reader.advance()? {
        let record = reader.record().unwrap();
        assert!(record.is_sound());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        documents.insert(text(record.key), text(record.document));
    }
    assert_eq!(reader.summary().unwrap().count, documents.len() as u64);
    Ok(documents)
}

fn read(file: &[u8]) -> Result<Documents, Error> {
    read_with(Reader::new(Cursor::new(file.to_vec()))?)
}
