//! JSON, CSV, gradients and the picture hold the numbers of a naive reference.

mod support;

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use std::io::Read;
use support::{
    EXTENTS, Folder, Nifti, PAIR, SIZE, VOXELS, assert_near, cross_entropy, labels, logits, norm, softmax,
};

/// The Dice loss of each class: 1 − (2·Σsg + 1) / (Σs + Σg + 1), smoothed as the library's default is, or by nothing.
fn dice(smooth: f64) -> Vec<f64> {
    let (s, labels) = (softmax(&logits()), labels());
    let of_class = |class: usize| {
        let own = |voxel: &usize| labels[*voxel] == class as f64;
        let s = &s[class * VOXELS..][..VOXELS];
        let overlap: f64 = (0..VOXELS).filter(own).map(|voxel| s[voxel]).sum();
        let sizes = s.iter().sum::<f64>() + (0..VOXELS).filter(own).count() as f64;
        1.0 - (2.0 * overlap + smooth) / (sizes + smooth)
    };
    (0..3).map(of_class).collect()
}

/// f32 voxels of a file that the program wrote.
fn voxels(folder: &Folder, name: &str) -> (Vec<u8>, Vec<f32>) {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(folder.read(name).as_slice()).read_to_end(&mut bytes).unwrap();
    let values = bytes[352..].chunks(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    (bytes, values)
}

#[test]
fn json_has_values_and_norms_of_losses_and_classes() {
    let folder = Folder::with_pair("json");
    let report = folder.json(&format!("{PAIR} --names a,b,c"));
    let sample = &report["samples"][0];
    assert_eq!(report["classes"][2], json!({"name": "c", "labels": [2]}));
    assert_eq!(report["picture"], Value::Null);
    assert_eq!((&sample["shape"], &sample["orientation"]), (&json!([7, 6, 5]), &json!("RAS")));
    assert_eq!(sample["prediction"], json!({"origin": "file", "of": "p.nii", "reading": "logits, softmax"}));
    assert_eq!(sample["class_voxels"], json!([138, 36, 36]));
    for (value, expected) in sample["soft_dice"].as_array().unwrap().iter().zip(dice(0.0)) {
        assert_near(value, 1.0 - expected);
    }
    let losses = sample["losses"].as_array().unwrap();
    assert_eq!(losses.len(), 28);
    let find = |key: &str| losses.iter().find(|loss| loss["loss"] == key).unwrap();

    let (value, gradient) = cross_entropy(&logits(), &labels());
    assert_near(&find("ce")["value"], value);
    assert_near(&find("ce")["gradient_norm"], norm(&gradient));
    for (class, slopes) in find("ce")["classes"].as_array().unwrap().iter().zip(gradient.chunks(VOXELS)) {
        assert_near(&class["gradient_norm"], norm(slopes));
        assert_eq!(class["value"], Value::Null);
    }
    let classes = find("dice")["classes"].as_array().unwrap();
    let mean = classes.iter().map(|class| class["value"].as_f64().unwrap()).sum::<f64>() / 3.0;
    assert_near(&find("dice")["value"], mean);
    let expected = dice(1e-5);
    classes.iter().zip(expected).for_each(|(class, expected)| assert_near(&class["value"], expected));
    assert_eq!(find("dice_ce")["classes"][1]["value"], Value::Null);
    let terms = find("dice_ce")["terms"].as_array().unwrap();
    assert_near(&terms[1]["value"], value);
    let sum: f64 =
        terms.iter().map(|term| term["value"].as_f64().unwrap() * term["weight"].as_f64().unwrap()).sum();
    assert_near(&find("dice_ce")["value"], sum);
    // The same twice: no times, nothing random.
    assert_eq!(folder.output(&format!("{PAIR} --json")), folder.output(&format!("{PAIR} --json")));
}

#[test]
fn csv_has_a_row_for_each_loss_sample_and_class() {
    let folder = Folder::with_pair("csv");
    // A second sample of another size, and a name with a comma.
    let names = "--labels l.nii --labels second,sample.nii --prediction p.nii --prediction q.nii";
    let (second, logits_of_second) = (&labels()[..126], logits());
    let second_logits: Vec<f64> =
        logits_of_second.chunks(VOXELS).flat_map(|map| map[..126].to_vec()).collect();
    folder.write("second,sample.nii", &Nifti::new(&[7, 6, 3], second.to_vec()).bytes());
    folder.write("q.nii", &Nifti::new(&[7, 6, 3, 3], second_logits.clone()).bytes());
    let text = folder.output(&format!("{names} --loss ce,dice --csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = ["sample", "labels", "loss", "class", "name", "value", "gradient_norm"];
    assert_eq!(reader.headers().unwrap(), columns.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    // Two samples of two losses, each for all classes and for three.
    assert_eq!(rows.len(), 2 * 2 * 4);
    let number = |row: usize, column: usize| json!(rows[row][column].parse::<f64>().unwrap());
    let (value, gradient) = cross_entropy(&logits(), &labels());
    assert_near(&number(0, 5), value);
    assert_near(&number(0, 6), norm(&gradient));
    assert_eq!(rows[1].iter().take(6).collect::<Vec<_>>(), ["0", "l.nii", "ce", "0", "class 0", ""]);
    assert_near(&number(6, 5), dice(1e-5)[1]);
    let (value, gradient) = cross_entropy(&second_logits, second);
    assert_eq!(rows[8].iter().take(5).collect::<Vec<_>>(), ["1", "second,sample.nii", "ce", "", ""]);
    assert_near(&number(8, 5), value);
    for (row, slopes) in gradient.chunks(126).enumerate() {
        assert_near(&number(9 + row, 6), norm(slopes));
    }
}

#[test]
fn gradients_are_written_with_the_geometry_of_the_labels() {
    let folder = Folder::new("gradients");
    let sform = Some([[-2.0, 0.0, 0.0, 5.0], [0.0, 3.0, 0.0, -6.0], [0.0, 0.0, 4.0, 7.0]]);
    let spacing = [2.0, 3.0, 4.0];
    let labels_file = Nifti { sform, spacing, ..Nifti::new(&EXTENTS, labels()) };
    folder.write("l.nii", &labels_file.bytes());
    folder.write("p.nii", &Nifti { sform, spacing, ..Nifti::new(&SIZE, logits()) }.bytes());
    let report = folder.json(&format!("{PAIR} --loss ce,dice --gradients out/g"));
    assert_eq!(report["samples"][0]["losses"][0]["gradient_file"], "out/g/ce.nii.gz");
    let (header, values) = voxels(&folder, "out/g/ce.nii.gz");
    let expected = cross_entropy(&logits(), &labels()).1;
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        assert!((f64::from(*value) - expected).abs() < 1e-7, "{value}, expected {expected}");
    }
    // The axes, the spacing and the affine of the labels.
    let written = Nifti { slope: 1.0, intercept: 0.0, datatype: 16, ..Nifti::new(&SIZE, logits()) };
    let expected = Nifti { sform, spacing, ..written }.header();
    for range in [40..56, 76..92, 108..120, 254..256, 280..328, 344..348] {
        assert_eq!(header[range.clone()], expected[range.clone()], "bytes {range:?}");
    }
    assert_eq!(voxels(&folder, "out/g/dice.nii.gz").1.len(), values.len());
}

#[test]
fn labels_are_mapped_and_ignored() {
    let folder = Folder::with_pair("labels");
    let reference = &folder.json(&format!("{PAIR} --loss ce,dice,boundary"))["samples"][0]["losses"];
    let relabelled = |numbers: [f64; 3]| labels().into_iter().map(|label| numbers[label as usize]).collect();
    for (numbers, options) in [
        ([0.0, 255.0, 2035.0], ""),
        ([-7.0, 0.0, 1.0], ""),
        ([0.0, 11.0, 10.0], "--map 10=2,11=1"),
        ([9.0, 0.0, 8.0], "--map 9=0,0=1,8=2"),
    ] {
        folder.write("x.nii", &Nifti::new(&EXTENTS, relabelled(numbers)).bytes());
        let arguments = format!("--labels x.nii --prediction p.nii --loss ce,dice,boundary {options}");
        assert_eq!(&folder.json(&arguments)["samples"][0]["losses"], reference, "{numbers:?}");
    }
    // The first two slices have the label 255; the prediction may hold anything there.
    let (mut ignored, mut logits) = (labels(), logits());
    ignored[..84].fill(255.0);
    logits[..84].fill(f64::NAN);
    folder.write("x.nii", &Nifti::new(&EXTENTS, ignored.clone()).bytes());
    folder.write("y.nii", &Nifti::new(&SIZE, logits.clone()).bytes());
    let report = folder.json("--labels x.nii --prediction y.nii --ignore 255,-1 --loss ce");
    ignored[..84].fill(-1.0);
    let (value, gradient) = cross_entropy(&logits, &ignored);
    let loss = &report["samples"][0]["losses"][0];
    assert_eq!(report["samples"][0]["ignored_voxels"], 84);
    assert_near(&loss["value"], value);
    assert_near(&loss["gradient_norm"], norm(&gradient));
}

#[test]
fn spacing_is_that_of_the_header_or_of_the_option() {
    let folder = Folder::with_pair("spacing");
    let boundary = |arguments: &str| {
        folder.json(&format!("{arguments} --loss boundary"))["samples"][0]["losses"][0]["value"]
            .as_f64()
            .unwrap()
    };
    let one = boundary(PAIR);
    let double = boundary(&format!("{PAIR} --spacing 2,2,2"));
    assert!((double - 2.0 * one).abs() < 1e-6 * one.abs(), "{double} {one}");
    let long = boundary(&format!("{PAIR} --spacing 1,1,5"));
    assert!((long - one).abs() > 1e-3);
    let spacing = [1.0, 1.0, 5.0];
    let sform = Some([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0]]);
    folder.write("x.nii", &Nifti { spacing, sform, ..Nifti::new(&EXTENTS, labels()) }.bytes());
    folder.write("y.nii", &Nifti { spacing, sform, ..Nifti::new(&SIZE, logits()) }.bytes());
    for option in ["", "--spacing header"] {
        assert_eq!(boundary(&format!("--labels x.nii --prediction y.nii {option}")), long);
    }
}

#[test]
fn one_class_is_sigmoid_of_a_mask() {
    let folder = Folder::new("one_class");
    let mask: Vec<f64> = labels().into_iter().map(|label| if label > 0.0 { 255.0 } else { 0.0 }).collect();
    let logits = &logits()[..VOXELS];
    folder.write("l.nii", &Nifti::new(&EXTENTS, mask.clone()).bytes());
    folder.write("p.nii", &Nifti::new(&[7, 6, 5, 1], logits.to_vec()).bytes());
    let report = folder.json(PAIR);
    let loss = |(z, label): (&f64, &f64)| (if *label > 0.0 { -z } else { *z }).exp().ln_1p();
    let expected = logits.iter().zip(&mask).map(loss).sum::<f64>() / VOXELS as f64;
    let losses = report["samples"][0]["losses"].as_array().unwrap();
    assert_near(&losses[0]["value"], expected);
    assert_eq!(losses.len(), 28);
    assert_eq!(report["classes"], json!([{"name": "label 255", "labels": [255]}]));
    let text = folder.output(&format!("{PAIR} --loss ce"));
    assert!(text.contains("prediction: p.nii: logits, sigmoid"), "{text}");
}

/// The gradients that the table checks agree with differences for every activation, with ignored labels too.
#[test]
fn errors_of_the_table_are_small_for_each_activation() {
    const LOSSES: &str = "ce,ce_smoothed,topk,topk_threshold,focal,distance_penalized_ce,dice_squared,penalty,\
                          boundary,hausdorff,combo,exponential_logarithmic";
    let folder = Folder::with_pair("errors");
    let s: Vec<f64> = softmax(&logits());
    folder.write("s.nii", &Nifti::new(&SIZE, s).bytes());
    for (arguments, largest) in [
        (format!("{PAIR} --ignore 2 --map 1=1,0=0"), 1e-8),
        (format!("{PAIR} --activation sigmoid"), 1e-8),
        ("--labels l.nii --prediction s.nii".into(), 1e-6),
        ("--labels l.nii --prediction s.nii --activation probability-per-class --ignore 2".into(), 1e-6),
    ] {
        let text = folder.output(&format!("{arguments} --loss {LOSSES}"));
        let rows =
            text.lines().skip_while(|line| !line.starts_with("loss ")).filter(|line| line.starts_with("  "));
        let errors: Vec<f64> =
            rows.filter_map(|line| line.split_whitespace().rev().nth(2)?.parse().ok()).collect();
        assert_eq!(errors.len(), LOSSES.split(',').count(), "{text}");
        assert!(errors.iter().all(|error| *error < largest), "{arguments}: {text}");
    }
}
