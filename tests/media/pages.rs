//! Ogg pages.

/// The pages of a file.
pub fn pages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut pages) = (0, Vec::new());
    while at < bytes.len() {
        let segments = bytes[at + 26] as usize;
        let body: usize = bytes[at + 27..at + 27 + segments].iter().map(|&size| size as usize).sum();
        let end = at + 27 + segments + body;
        pages.push(bytes[at..end].to_vec());
        at = end;
    }
    pages
}

/// The frame at the end of a page.
pub fn granule(page: &[u8]) -> i64 {
    i64::from_le_bytes(*page[6..].first_chunk().unwrap())
}

pub fn set_granule(page: &mut [u8], granule: i64) {
    page[6..14].copy_from_slice(&granule.to_le_bytes());
    seal(page);
}

pub fn set_serial(page: &mut [u8], serial: u32) {
    page[14..18].copy_from_slice(&serial.to_le_bytes());
    seal(page);
}

/// Number of the pages that hold heads.
pub fn heads(pages: &[Vec<u8>]) -> usize {
    pages.iter().take_while(|page| granule(page) == 0).count()
}

fn seal(page: &mut [u8]) {
    page[22..26].fill(0);
    let crc =
        page.iter().fold(0u32, |crc, &byte| {
            (0..8).fold(crc ^ (byte as u32) << 24, |crc, _| {
                if crc >> 31 != 0 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 }
            })
        });
    page[22..26].copy_from_slice(&crc.to_le_bytes());
}
