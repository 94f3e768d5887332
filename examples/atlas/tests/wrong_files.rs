//! Every wrong file and every wrong option gives one line that names it, with its numbers, and status 1.

mod support;

use support::{EXTENTS, Folder, Nifti, PAIR, RAS, SIZE, VOXELS, gzip, labels, logits, png, softmax};

/// A folder with valid labels, prediction and scan.
fn folder(name: &str) -> Folder {
    let folder = Folder::with_pair(name);
    folder.write("i.nii", &Nifti::new(&EXTENTS, labels()).bytes());
    folder
}

/// The error of the valid prediction beside other labels.
fn of_labels(folder: &Folder, file: &Nifti) -> String {
    folder.write("x.nii", &file.bytes());
    folder.error("--labels x.nii --prediction p.nii")
}

/// The error of another prediction beside the valid labels.
fn of_prediction(folder: &Folder, file: &Nifti) -> String {
    folder.write("x.nii", &file.bytes());
    folder.error("--labels l.nii --prediction x.nii")
}

#[test]
fn files_that_are_damaged_or_of_another_kind() {
    let folder = folder("damaged");
    let whole = Nifti::new(&EXTENTS, labels()).bytes();
    let zipped = gzip(&whole);
    let mut magic = whole.clone();
    magic[344..348].copy_from_slice(b"n+3\0");
    let mut analyze = whole.clone();
    analyze[344..348].fill(0);
    let (mut axes, mut extent, mut datatype) = (whole.clone(), whole.clone(), whole.clone());
    axes[40] = 9;
    extent[42..44].copy_from_slice(&(-5i16).to_le_bytes());
    datatype[70] = 128;
    let pair = Nifti { is_pair: true, ..Nifti::new(&EXTENTS, labels()) };
    folder.write("x.hdr", &pair.header()[..348]);
    folder.write("y.hdr", &pair.header()[..348]).write("y.img", &pair.voxels()[..100]);
    folder.write("z.img", &pair.voxels());
    let two = Nifti { version: 2, ..Nifti::new(&EXTENTS, labels()) };
    let png = png(7, 6, &[0; 42], false);
    for (name, bytes, expected) in [
        (
            "x.nii",
            b"".as_slice(),
            "x.nii: not a NIfTI file: its first number is not 348 (NIfTI-1) or 540 (NIfTI-2)",
        ),
        (
            "x.nii",
            b"text, not an image",
            "x.nii: not a NIfTI file: its first number is not 348 (NIfTI-1) or 540 (NIfTI-2)",
        ),
        ("x.nii", &whole[..100], "x.nii: truncated: 100 bytes, the header has 348"),
        ("x.nii", &two.bytes()[..400], "x.nii: truncated: 400 bytes, the header has 540"),
        ("x.nii", &whole[..348], "x.nii: truncated: 0 bytes of voxels, the header says 7 × 6 × 5 of F64"),
        (
            "x.nii",
            &whole[..whole.len() - 1],
            "x.nii: truncated: 1679 bytes of voxels, the header says 7 × 6 × 5 of F64",
        ),
        ("x.nii", &magic, "x.nii: wrong magic \"n+3\\x00\" (expected n+1, ni1, n+2 or ni2)"),
        ("x.nii", &analyze, "x.nii: an ANALYZE 7.5 file, which has no orientation (expected NIfTI)"),
        ("x.nii", &axes, "x.nii: 9 axes (expected 1 to 7)"),
        ("x.nii", &extent, "x.nii: axis 1 has the extent -5 (expected >= 1)"),
        (
            "x.nii",
            &datatype,
            "x.nii: datatype 128: RGB colours (expected integers or floats of 8 to 64 bits)",
        ),
        ("x.nii", &zipped[..zipped.len() / 2], "x.nii: gzip: truncated or damaged after "),
        ("x.nii", &pair.header(), "x.nii: the header of a pair, but its name does not end in .hdr"),
        ("x.hdr", &pair.header(), "x.hdr: the other file of the pair, x.img: "),
        (
            "y.img",
            &pair.voxels()[..100],
            "y.img: truncated: 100 bytes of voxels, the header says 7 × 6 × 5 of F64",
        ),
        ("z.img", &pair.voxels(), "z.img: the other file of the pair, z.hdr: "),
        ("x.png", &png[..40], "x.png: "),
    ] {
        folder.write(name, bytes);
        let line = folder.error(&format!("--labels {name} --prediction p.nii"));
        assert!(line.starts_with(expected), "{line}\nexpected {expected}");
    }
    assert!(folder.error("--labels none.nii --prediction p.nii").starts_with("none.nii: No such file"));
    assert!(folder.error("--labels l.nii --prediction none.nii").starts_with("none.nii: No such file"));
    let scaled = Nifti { slope: 2.0, ..Nifti::new(&EXTENTS, labels()) };
    assert_eq!(of_labels(&folder, &scaled), "x.nii: scl_slope is 2, but scl_inter is NaN (expected finite)");
}

#[test]
fn axes_and_classes_of_the_prediction() {
    let folder = folder("axes");
    let three = Nifti::new(&EXTENTS, labels());
    let expected = "x.nii: 3 axes, 7 × 6 × 5 (expected 4 axes: the volume, then the classes)";
    assert_eq!(of_prediction(&folder, &three), expected);
    let five = Nifti::new(&[7, 6, 5, 3, 2], [logits(), logits()].concat());
    let expected = "x.nii: 5 axes, 7 × 6 × 5 × 3 × 2 (expected 4 axes: the volume, then the classes)";
    assert_eq!(of_prediction(&folder, &five), expected);
    let two = Nifti::new(&[7, 6, 5, 2], logits()[..2 * VOXELS].to_vec());
    let expected =
        "l.nii: 3 labels, 0, 1, 2, but the prediction has 2 classes (choose with --map and --ignore)";
    assert_eq!(of_prediction(&folder, &two), expected);
    let four = Nifti::new(&[7, 6, 5, 1], labels());
    let expected =
        "l.nii: 3 labels, 0, 1, 2, but the prediction has 1 class (choose with --map and --ignore)";
    assert_eq!(of_prediction(&folder, &four), expected);
    assert_eq!(
        of_labels(&folder, &Nifti::new(&SIZE, logits())),
        "x.nii: 4 axes, 7 × 6 × 5 × 3 (expected a volume, 3 axes)"
    );
    folder.write("x.nii", &four.bytes());
    let one = folder.error("--labels l.nii --prediction x.nii --map 1=1,2=1 --activation softmax");
    assert_eq!(one, "x.nii: one class (expected two or more for softmax; choose --activation sigmoid)");
}

#[test]
fn numbers_that_are_no_labels_or_no_predictions() {
    let folder = folder("numbers");
    let with = |at: usize, value: f64, mut values: Vec<f64>| {
        values[at] = value;
        values
    };
    // Voxel 100 is (2, 2, 2).
    let half = Nifti::new(&EXTENTS, with(100, 0.5, labels()));
    assert_eq!(of_labels(&folder, &half), "x.nii: voxel (2, 2, 2) holds 0.5 (expected labels, integers)");
    let nan = Nifti::new(&EXTENTS, with(100, f64::NAN, labels()));
    assert_eq!(of_labels(&folder, &nan), "x.nii: voxel (2, 2, 2) holds NaN (expected labels, integers)");
    let large = Nifti::new(&EXTENTS, with(100, 1e17, labels()));
    let expected = "x.nii: voxel (2, 2, 2) holds 100000000000000000 (expected labels up to 2^53)";
    assert_eq!(of_labels(&folder, &large), expected);
    let zero = Nifti::new(&EXTENTS, vec![0.0; VOXELS]);
    folder.write("x.nii", &zero.bytes());
    let expected = "x.nii: every label is 0: there is nothing to segment";
    assert_eq!(folder.error("--labels x.nii --image i.nii"), expected);

    let nan = Nifti::new(&SIZE, with(VOXELS + 100, f64::NAN, with(7, f64::NAN, logits())));
    let expected = "x.nii: voxel (0, 1, 0), class 0: NaN, and 1 more (expected finite numbers)";
    assert_eq!(of_prediction(&folder, &nan), expected);
    let infinite = Nifti::new(&SIZE, with(VOXELS + 100, f64::NEG_INFINITY, logits()));
    let expected = "x.nii: voxel (2, 2, 2), class 1: -inf (expected finite numbers)";
    assert_eq!(of_prediction(&folder, &infinite), expected);
    let unclear = Nifti::new(&SIZE, with(0, 0.9, with(VOXELS, 0.9, softmax(&logits()))));
    let expected =
        "x.nii: numbers in [0, 1] that do not sum to 1: logits or probabilities? (choose --activation)";
    assert_eq!(of_prediction(&folder, &unclear), expected);
    let line = folder.error(&format!("{PAIR} --activation probability"));
    assert!(
        line.starts_with("p.nii: voxel (") && line.ends_with(" more (expected probabilities in [0, 1])"),
        "{line}"
    );
    let nan = Nifti::new(&EXTENTS, with(3, f64::NAN, labels()));
    folder.write("x.nii", &nan.bytes());
    let expected = "x.nii: not finite: 1 voxel, and the prediction is simulated from them";
    assert_eq!(folder.error("--labels l.nii --image x.nii"), expected);
}

#[test]
fn geometry_that_differs_is_an_error_or_a_warning() {
    let folder = folder("geometry");
    let [x, y, z, classes] = SIZE;
    let smaller = Nifti::new(&[x, y, z - 1, classes], logits()[..x * y * (z - 1) * classes].to_vec());
    assert_eq!(of_prediction(&folder, &smaller), "x.nii: 7 × 6 × 4 voxels, the labels have 7 × 6 × 5 voxels");
    let moved = [[1.0, 0.0, 0.0, 3.0], RAS[1], RAS[2]];
    let flipped = [[-1.0, 0.0, 0.0, 6.0], RAS[1], RAS[2]];
    for (file, expected) in [
        (
            Nifti { spacing: [0.7, 0.7, 5.0], ..Nifti::new(&SIZE, logits()) },
            "spacing 0.7 × 0.7 × 5, the labels have 1 × 1 × 1",
        ),
        (
            Nifti { sform: Some(flipped), ..Nifti::new(&SIZE, logits()) },
            "orientation LAS, the labels have RAS",
        ),
        (
            Nifti { sform: Some(moved), ..Nifti::new(&SIZE, logits()) },
            "voxel (6, 5, 4) lies at (9, 5, 4), that of the labels at (6, 5, 4): 3.00 apart",
        ),
    ] {
        let line = of_prediction(&folder, &file);
        assert_eq!(line, format!("x.nii: {expected} (--geometry warn accepts it)"));
        let output = folder.run("--labels l.nii --prediction x.nii --loss ce --json --geometry warn");
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("atlas: warning: x.nii: {expected}\n"));
        // The scan is compared too.
        let scan = Nifti { sform: file.sform, spacing: file.spacing, ..Nifti::new(&EXTENTS, labels()) };
        folder.write("x.nii", &scan.bytes());
        let line = folder.error(&format!("{PAIR} --image x.nii"));
        assert_eq!(line, format!("x.nii: {expected} (--geometry warn accepts it)"));
    }
    // A file without an orientation has none to compare.
    let none = Nifti { sform: None, ..Nifti::new(&SIZE, logits()) };
    folder.write("x.nii", &none.bytes());
    folder.json("--labels l.nii --prediction x.nii --loss ce");
    let zero = Nifti { spacing: [1.0, 0.0, 1.0], ..Nifti::new(&EXTENTS, labels()) };
    folder.write("x.nii", &zero.bytes()).write("y.nii", &zero.bytes());
    assert_eq!(
        folder.error("--labels x.nii --image y.nii"),
        "x.nii: a spacing of 0 (expected finite and > 0)"
    );
    folder.json("--labels x.nii --image y.nii --spacing 1,1,1 --loss ce");
}

#[test]
fn options() {
    let folder = folder("options");
    let three = Nifti::new(&EXTENTS, labels().into_iter().map(|label| 10.0 * label).collect());
    folder.write("tens.nii", &three.bytes()).write("plane.png", &png(7, 6, &[[0, 1, 2]; 14].concat(), false));
    for (arguments, expected) in [
        ("--labels", "missing argument for option '--labels'"),
        ("--label l.nii", "unknown option --label (see --help)"),
        ("l.nii", "unexpected argument \"l.nii\""),
        ("--labels l.nii", "--labels needs --prediction, or --image to simulate one"),
        ("--prediction p.nii", "--prediction needs --labels"),
        ("--image i.nii", "--image needs --labels"),
        ("--spacing 1,1,1", "--spacing needs --labels"),
        ("--labels l.nii --image i.nii --activation sigmoid", "--activation needs --prediction"),
        ("--labels l.nii --labels l.nii --prediction p.nii", "--prediction is given 1 times, --labels 2"),
        ("--json --csv", "--json and --csv exclude each other"),
        ("--json --json", "--json is given twice"),
        ("--csv --class 1", "--class is of the picture, and --json and --csv draw one only with --out"),
        ("--json --slice 1", "--slice is of the picture, and --json and --csv draw one only with --out"),
        ("--labels plane.png --image plane.png --slice 0", "--slice 0: plane.png is 2-D"),
        ("--slice 80", "--slice 80: the slices are 0 to 79"),
        ("--class 4", "--class 4: the classes are 0 to 3"),
        ("--class -1", "--class -1: expected an integer >= 0"),
        ("--loss dicee", "--loss: unknown loss dicee (expected ce, ce_smoothed, "),
        ("--loss ce,dice,ce", "--loss names ce twice"),
        ("--labels l.nii --prediction p.nii --names a,b", "l.nii: --names: 2 names for 3 classes"),
        ("--labels l.nii --prediction p.nii --spacing 1,2", "--spacing: 2 numbers for 3 axes"),
        (
            "--labels l.nii --prediction p.nii --spacing 1,0,1",
            "--spacing 1,0,1: expected header, or numbers > 0, one per axis",
        ),
        ("--labels l.nii --prediction p.nii --geometry no", "--geometry no: expected error or warn"),
        (
            "--labels l.nii --prediction p.nii --activation relu",
            "--activation relu: expected softmax, sigmoid, probability or probability-per-class",
        ),
        (
            "--labels l.nii --prediction p.nii --ignore x",
            "--ignore x: expected integers, separated by commas",
        ),
        ("--labels l.nii --prediction p.nii --ignore 0,1,2", "l.nii: every voxel has an ignored label"),
        ("--labels l.nii --prediction p.nii --map 1", "--map 1: expected LABEL=CLASS, separated by commas"),
        (
            "--labels tens.nii --prediction p.nii --map 10=1",
            "tens.nii: label 20 (36 voxels) is neither in --map nor in --ignore",
        ),
        (
            "--labels tens.nii --prediction p.nii --map 10=1,20=3",
            "tens.nii: --map 20=3: the classes are 0 to 2",
        ),
        (
            "--labels l.nii --prediction p.nii --map 2=1 --class 2",
            "l.nii: label 1 (36 voxels) is neither in --map nor in --ignore",
        ),
        (
            "--labels l.nii --prediction p.nii --map 1=1,2=1 --class 2",
            "--class 2: no voxel of l.nii is of it",
        ),
        ("--loss ce --json --gradients l.nii/x", "l.nii/x: "),
    ] {
        let line = folder.error(arguments);
        assert!(line.starts_with(expected), "{arguments}\n{line}\nexpected {expected}");
    }
}
