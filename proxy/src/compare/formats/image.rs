//! Pictures, PNG and JPEG, by the colours of their points.
//!
//! Both are brought to red, green, blue and alpha of 16 bits; what a file says
//! beside that (colour profiles, text, orientation) does not count. A channel's
//! differences are told in levels from 0 to 255, whatever the file's depth.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Comparator, Document, Reading, Unreadable};
use crate::compare::comparison::{Kind, Numbers};
use crate::compare::field::Field;
use crate::compare::found::{Found, Spot};
use crate::compare::rules::{ImageTolerance, Rules};

/// A larger picture is not compared: as it is compared, this many points take
/// 32 MiB.
const MOST_POINTS: usize = 4 << 20;

const CHANNELS: [&str; 4] = ["red", "green", "blue", "alpha"];

pub(super) struct Image;

/// A picture's points, row by row from the top, each of four channels.
#[derive(Debug)]
pub(crate) struct Picture {
    width: usize,
    height: usize,
    levels: Vec<u16>,
}

impl Comparator for Image {
    fn name(&self) -> &'static str {
        "image"
    }

    fn reads(&self, essence: &str) -> bool {
        matches!(essence, "image/png" | "image/jpeg" | "image/jpg")
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        let bytes = document.bytes;
        let picture = match bytes.starts_with(b"\x89PNG") {
            true => png(bytes),
            false => jpeg(bytes),
        };
        picture.map(Reading::Picture)
    }
}

fn png(bytes: &[u8]) -> Result<Picture, Unreadable> {
    let limits = png::Limits {
        bytes: 8 * MOST_POINTS,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(|_| Unreadable::Broken)?;
    let (width, height) = header.size();
    let (width, height) = fitting(width as usize, height as usize)?;
    let mut reader = decoder.read_info().map_err(|_| Unreadable::Broken)?;
    let size = reader.output_buffer_size().ok_or(Unreadable::TooLarge)?;
    let mut raw = vec![0; size];
    let frame = reader
        .next_frame(&mut raw)
        .map_err(|_| Unreadable::Broken)?;
    let samples: Vec<u16> = match frame.bit_depth {
        png::BitDepth::Sixteen => {
            let pairs = raw.chunks_exact(2);
            pairs
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect()
        }
        _ => raw.iter().map(|level| u16::from(*level) * 257).collect(),
    };
    let mut levels = Vec::with_capacity(width * height * 4);
    for point in samples.chunks_exact(frame.color_type.samples()) {
        levels.extend(match *point {
            [grey] => [grey, grey, grey, u16::MAX],
            [grey, alpha] => [grey, grey, grey, alpha],
            [red, green, blue] => [red, green, blue, u16::MAX],
            [red, green, blue, alpha] => [red, green, blue, alpha],
            _ => return Err(Unreadable::Broken),
        });
    }
    Ok(Picture {
        width,
        height,
        levels,
    })
}

fn jpeg(bytes: &[u8]) -> Result<Picture, Unreadable> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(MOST_POINTS)
        .set_max_height(MOST_POINTS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| Unreadable::Broken)?;
    let info = decoder.info().ok_or(Unreadable::Broken)?;
    let (width, height) = fitting(info.width.into(), info.height.into())?;
    let raw = decoder.decode().map_err(|_| Unreadable::Broken)?;
    let mut levels = Vec::with_capacity(width * height * 4);
    for point in raw.chunks_exact(3) {
        levels.extend(point.iter().map(|level| u16::from(*level) * 257));
        levels.push(u16::MAX);
    }
    Ok(Picture {
        width,
        height,
        levels,
    })
}

fn fitting(width: usize, height: usize) -> Result<(usize, usize), Unreadable> {
    match width.checked_mul(height) {
        Some(points) if points <= MOST_POINTS => Ok((width, height)),
        _ => Err(Unreadable::TooLarge),
    }
}

impl Picture {
    /// Compares two: first their sizes, then each channel, a field each.
    pub(in crate::compare) fn compare(&self, other: &Picture, rules: &Rules, found: &mut Found) {
        let mut sized = true;
        for (name, own, other) in [
            ("width", self.width, other.width),
            ("height", self.height, other.height),
        ] {
            if own != other {
                sized = false;
                let texts = (own.to_string(), other.to_string());
                let numbers = crate::compare::number::apart(&texts.0, &texts.1);
                put(found, name, numbers, texts);
            }
        }
        if !sized || self.levels.len() != other.levels.len() {
            return;
        }
        for (channel, name) in CHANNELS.into_iter().enumerate() {
            let mut trail = rules.places.start();
            rules.places.enter(&mut trail, name);
            if !rules.places.here(&trail).any(|said| said.ignore) {
                let apart = self.apart(other, channel);
                if !apart.is_within(&rules.image) {
                    let texts = (String::new(), apart.said(self.width));
                    put(found, name, Some(apart.numbers), texts);
                }
            }
        }
    }

    fn apart(&self, other: &Picture, channel: usize) -> Apart {
        let levels =
            |picture: &Picture, at: usize| f64::from(picture.levels[4 * at + channel]) / 257.0;
        let n_points = self.levels.len() / 4;
        let mut apart = Apart::default();
        let mut sum = 0.0;
        for at in 0..n_points {
            let (own, other) = (levels(self, at), levels(other, at));
            let signed = other - own;
            sum += signed.abs();
            if signed.abs() > apart.numbers.largest() {
                apart.at = at;
            }
            apart.numbers.least = apart.numbers.least.min(signed);
            apart.numbers.greatest = apart.numbers.greatest.max(signed);
            apart.numbers.size = apart.numbers.size.max(own).max(other);
        }
        apart.mean = sum / n_points.max(1) as f64;
        apart.numbers.relative = match apart.numbers.size > 0.0 {
            true => apart.numbers.largest() / apart.numbers.size,
            false => 0.0,
        };
        apart
    }
}

/// How far one channel of two pictures is apart.
struct Apart {
    numbers: Numbers,
    mean: f64,
    /// The point with the largest difference.
    at: usize,
}

impl Default for Apart {
    fn default() -> Apart {
        Apart {
            numbers: Numbers {
                least: 0.0,
                greatest: 0.0,
                relative: 0.0,
                size: 0.0,
                ratio: None,
                decimals_control: 0,
                decimals_candidate: 0,
            },
            mean: 0.0,
            at: 0,
        }
    }
}

impl Apart {
    fn is_within(&self, tolerance: &ImageTolerance) -> bool {
        let largest = self.numbers.largest();
        match (tolerance.max, tolerance.mean) {
            (None, None) => largest == 0.0,
            (max, mean) => {
                max.is_none_or(|max| largest <= max) && mean.is_none_or(|mean| self.mean <= mean)
            }
        }
    }

    fn said(&self, width: usize) -> String {
        let (x, y) = (self.at % width.max(1), self.at / width.max(1));
        format!(
            "off by {:.3} of 255 on average, by {:.3} at {x},{y}",
            self.mean,
            self.numbers.largest()
        )
    }
}

fn put(found: &mut Found, name: &str, numbers: Option<Numbers>, texts: (String, String)) {
    let pointer = format!("/{name}");
    found.put(Spot {
        field: Field::Body(pointer.as_str().into()),
        kind: Kind::Number,
        place: &|| pointer.clone(),
        texts: &|| texts.clone(),
        numbers,
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::document;
    use super::*;

    fn png_of(width: u32, height: u32, colour: png::ColorType, levels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(levels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn picture(bytes: &[u8]) -> Result<Picture, Unreadable> {
        let document = document(bytes, Some("image/png"));
        match Image.read(&document, &Rules::default())? {
            Reading::Picture(picture) => Ok(picture),
            _ => panic!("no picture"),
        }
    }

    fn differing(control: &[u8], candidate: &[u8], image: ImageTolerance) -> String {
        let rules = Rules {
            image,
            ..Rules::default()
        };
        let mut found = Found::default();
        let (control, candidate) = (picture(control).unwrap(), picture(candidate).unwrap());
        control.compare(&candidate, &rules, &mut found);
        let shown = found.differences.iter();
        let shown: Vec<_> = shown
            .map(|d| format!("{}: {}", d.field, d.candidate))
            .collect();
        shown.join("\n")
    }

    #[test]
    fn channels_within_a_tolerance() {
        let grey = png_of(2, 2, png::ColorType::Grayscale, &[10, 20, 30, 40]);
        let colour = png_of(
            2,
            2,
            png::ColorType::Rgb,
            &[10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 44, 40],
        );
        let with = |max, mean| ImageTolerance { max, mean };
        assert_eq!(differing(&grey, &grey, with(None, None)), "");
        assert_eq!(
            differing(&grey, &colour, with(None, None)),
            "/green: off by 1.000 of 255 on average, by 4.000 at 1,1"
        );
        assert_eq!(differing(&grey, &colour, with(Some(4.0), None)), "");
        assert_eq!(differing(&grey, &colour, with(None, Some(1.0))), "");
        assert!(!differing(&grey, &colour, with(Some(4.0), Some(0.9))).is_empty());
        let wide = png_of(4, 1, png::ColorType::Grayscale, &[10, 20, 30, 40]);
        assert_eq!(
            differing(&grey, &wide, with(Some(255.0), None)),
            "/width: 4\n/height: 1"
        );
    }

    /// A JPEG of one grey point, level 128, as libjpeg writes it.
    const JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xdb, 0x00, 0x43, 0x00, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0xff, 0xc0, 0x00, 0x0b, 0x08, 0x00,
        0x01, 0x00, 0x01, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x00, 0x01, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f,
        0x00, 0x3f, 0xff, 0xd9,
    ];

    #[test]
    fn a_jpeg_is_compared_with_a_png() {
        let grey = png_of(1, 1, png::ColorType::Grayscale, &[128]);
        let near = ImageTolerance {
            max: Some(1.0),
            mean: None,
        };
        assert_eq!(differing(&grey, JPEG, near), "");
    }

    #[test]
    fn a_picture_that_is_too_large_is_refused_before_it_is_made() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 60_000, 60_000);
        encoder.set_color(png::ColorType::Rgba);
        drop(encoder.write_header().unwrap());
        assert_eq!(picture(&bytes).unwrap_err(), Unreadable::TooLarge);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(cut in 0..300_usize, at in 0..300_usize, with: u8, jpeg: bool) {
            let mut bytes = match jpeg {
                true => JPEG.to_vec(),
                false => png_of(3, 3, png::ColorType::Rgb, &[7; 27]),
            };
            let at = at % bytes.len();
            bytes[at] = with;
            bytes.truncate(cut.max(8));
            let _ = picture(&bytes);
        }
    }
}
