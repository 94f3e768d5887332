//! Every kind of file gives the numbers of a naive cross entropy.

mod support;

use serde_json::Value;
use support::{
    EXTENTS, Folder, Nifti, PAIR, SIZE, assert_near, cross_entropy, gzip, labels, logits, png, softmax,
};

#[track_caller]
fn check(folder: &Folder, arguments: &str, expected: f64) -> Value {
    let report = folder.json(&format!("{arguments} --loss ce"));
    assert_near(&report["samples"][0]["losses"][0]["value"], expected);
    report
}

#[test]
fn both_versions_in_both_byte_orders_in_one_file_or_two_gzipped_or_not() {
    let folder = Folder::new("kinds");
    let expected = cross_entropy(&logits(), &labels()).0;
    for version in [1, 2] {
        for big_endian in [false, true] {
            let nifti =
                |extents: &[usize], stored| Nifti { version, big_endian, ..Nifti::new(extents, stored) };
            let (target, prediction) = (nifti(&EXTENTS, labels()), nifti(&SIZE, logits()));
            folder.write("l.nii", &target.bytes()).write("p.nii", &prediction.bytes());
            check(&folder, PAIR, expected);
            // An offset of 0 means the first byte behind the header.
            let mut bytes = target.bytes();
            bytes[if version == 1 { 108..112 } else { 168..176 }].fill(0);
            folder.write("l.nii", &bytes);
            check(&folder, PAIR, expected);
            folder.write("l.nii.gz", &gzip(&target.bytes())).write("p.nii.gz", &gzip(&prediction.bytes()));
            check(&folder, "--labels l.nii.gz --prediction p.nii.gz", expected);
            for (name, file) in [("l", target), ("p", prediction)] {
                let pair = Nifti { is_pair: true, ..file };
                // The four bytes after the header are of a single file.
                let header = &pair.header()[..pair.header().len() - 4];
                folder.write(&format!("{name}.hdr"), header).write(&format!("{name}.img"), &pair.voxels());
                folder.write(&format!("{name}.hdr.gz"), &gzip(header));
                folder.write(&format!("{name}.img.gz"), &gzip(&pair.voxels()));
            }
            check(&folder, "--labels l.hdr --prediction p.img", expected);
            check(&folder, "--labels l.img.gz --prediction p.hdr.gz", expected);
        }
    }
}

#[test]
fn every_datatype() {
    let folder = Folder::new("datatypes");
    let expected = cross_entropy(&logits(), &labels()).0;
    for datatype in [2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280] {
        for big_endian in [false, true] {
            let labels = Nifti { datatype, big_endian, ..Nifti::new(&EXTENTS, labels()) };
            // Sixteenths of an integer from 0 on, so that every type holds the logits.
            let stored = logits().into_iter().map(|z| 16.0 * (z + 2.0)).collect();
            let scaling = Nifti { slope: 1.0 / 16.0, intercept: -2.0, ..Nifti::new(&SIZE, stored) };
            let prediction = Nifti { datatype, big_endian, ..scaling };
            folder.write("l.nii", &labels.bytes()).write("p.nii", &prediction.bytes());
            check(&folder, PAIR, expected);
        }
    }
}

#[test]
fn scaling_that_is_nan_or_0_is_none() {
    let folder = Folder::new("scaling");
    let expected = cross_entropy(&logits(), &labels()).0;
    folder.write("p.nii", &Nifti::new(&SIZE, logits()).bytes());
    for (slope, intercept) in [(f64::NAN, f64::NAN), (0.0, 5.0), (f64::INFINITY, 0.0), (1.0, 0.0)] {
        let file = Nifti { slope, intercept, datatype: 2, ..Nifti::new(&EXTENTS, labels()) };
        folder.write("l.nii", &file.bytes());
        check(&folder, PAIR, expected);
    }
    // A third in f32: labels are 1.0000000298.
    let stored = labels().into_iter().map(|label| 3.0 * label).collect();
    let file = Nifti { slope: f64::from(1f32 / 3.0), intercept: 0.0, ..Nifti::new(&EXTENTS, stored) };
    folder.write("l.nii", &file.bytes());
    check(&folder, PAIR, expected);
}

#[test]
fn probabilities_are_recognised_and_classes_may_be_on_the_fifth_axis() {
    let folder = Folder::new("probabilities");
    folder.write("l.nii", &Nifti::new(&EXTENTS, labels()).bytes());
    let expected = cross_entropy(&logits(), &labels()).0;
    let [x, y, z, classes] = SIZE;
    let file = Nifti::new(&[x, y, z, 1, classes], softmax(&logits()));
    folder.write("p.nii", &file.bytes());
    let report = check(&folder, PAIR, expected);
    assert_eq!(report["samples"][0]["prediction"]["reading"], "probabilities");
    let file = Nifti::new(&SIZE, logits());
    folder.write("p.nii", &file.bytes());
    let report = check(&folder, PAIR, expected);
    assert_eq!(report["samples"][0]["prediction"]["reading"], "logits, softmax");
}

#[test]
fn png_masks_with_a_prediction_and_with_a_scan() {
    let folder = Folder::new("png");
    // The first slice of the volume: columns, rows, one slice.
    let at = 2 * EXTENTS[0] * EXTENTS[1];
    let (columns, rows) = (EXTENTS[0], EXTENTS[1]);
    let plane = columns * rows;
    let labels = labels()[at..at + plane].to_vec();
    let logits: Vec<f64> =
        logits().chunks(support::VOXELS).flat_map(|map| map[at..at + plane].to_vec()).collect();
    let expected = cross_entropy(&logits, &labels).0;
    folder.write("p.nii", &Nifti::new(&[columns, rows, 1, 3], logits).bytes());
    let pixels = |values: [u8; 3]| labels.iter().map(|&label| values[label as usize]).collect::<Vec<u8>>();
    folder.write("grey.png", &png(columns, rows, &pixels([0, 128, 255]), false));
    folder.write("palette.png", &png(columns, rows, &pixels([0, 1, 2]), true));
    folder.write("scan.png", &png(columns, rows, &pixels([10, 90, 200]), false));
    for name in ["grey.png", "palette.png"] {
        let report = check(&folder, &format!("--labels {name} --prediction p.nii"), expected);
        assert_eq!(report["samples"][0]["orientation"], Value::Null);
    }
    let text = folder.output("--labels palette.png --image scan.png --loss ce");
    assert!(text.contains("7 × 6 pixels of 1 × 1, no orientation"), "{text}");
    assert!(text.contains("simulated from the intensities of scan.png"), "{text}");
    assert!(folder.read("target/atlas.png").starts_with(b"\x89PNG"));
}

#[test]
fn planes_along_any_axis_are_2d_with_equal_distances() {
    let folder = Folder::new("planes");
    let (columns, rows) = (EXTENTS[0], EXTENTS[1]);
    let labels = labels()[2 * columns * rows..3 * columns * rows].to_vec();
    let logits: Vec<f64> =
        logits().chunks(support::VOXELS).flat_map(|map| map[..columns * rows].to_vec()).collect();
    let mut values = Vec::new();
    for axis in 0..3 {
        let insert = |extents: &[usize], width: usize| {
            let mut extents = extents.to_vec();
            extents.insert(axis, width);
            extents
        };
        let spacing: [f64; 3] = match axis {
            0 => [9.0, 2.0, 3.0],
            1 => [2.0, 9.0, 3.0],
            _ => [2.0, 3.0, 9.0],
        };
        let file = Nifti { spacing, ..Nifti::new(&insert(&[columns, rows], 1), labels.clone()) };
        folder.write("l.nii", &file.bytes());
        let file = Nifti { spacing, ..Nifti::new(&insert(&[columns, rows, 3], 1), logits.clone()) };
        folder.write("p.nii", &file.bytes());
        let report = folder.json(&format!("{PAIR} --loss ce,hausdorff"));
        let losses = &report["samples"][0]["losses"];
        values.push([losses[0]["value"].as_f64(), losses[1]["value"].as_f64()]);
    }
    assert!(values[0][1].unwrap() > 1.0 && values.iter().all(|other| *other == values[0]), "{values:?}");
}
