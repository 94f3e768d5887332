//! Turns the terms of a C call into terms of Rust. Each typed loss lives on the stack frame that builds it, so four
//! terms are four nested calls.

use crate::array::view::View;
use crate::engine::radix_select::TopKSearch;
use crate::error::{Error, Status};
use crate::ffi::codes::*;
use crate::ffi::losses::{check_unused, unknown};
use crate::ffi::overlap::{Ranges, bytes};
use crate::ffi::read::{Data, read, slice, tensor};
use crate::ffi::structs::segloss_term;
use crate::loss::kind::Loss;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};

/// A callback that receives the terms.
type TermsVisitor<'a> = &'a mut dyn FnMut(&[Term<'_>]) -> Result<(), Error>;

/// The terms of a call, copied from the caller's array.
pub(super) struct Terms {
    raw: [Option<segloss_term>; MAX_TERMS],
    count: usize,
}

impl Terms {
    /// Copies an array of terms. Consecutive terms are the first one's struct_size apart.
    ///
    /// # Safety
    /// `terms` is NULL or readable for `count` structs of the struct_size of the first.
    pub unsafe fn read(terms: *const segloss_term, count: usize) -> Result<Self, Error> {
        if count == 0 || count > MAX_TERMS {
            return Err(Error::new(Status::Parameter, c"n_terms", c"1 to 4 terms").with_given(count as f64));
        }
        let mut raw = [None; MAX_TERMS];
        let mut stride = 0;
        for (k, to) in raw.iter_mut().enumerate().take(count) {
            // SAFETY: the caller promises `count` structs of this stride.
            let (term, size) = unsafe { read(terms.byte_add(k * stride)) }.map_err(|e| e.in_term(k))?;
            if k > 0 && size != stride {
                return Err(Error::new(Status::StructSize, c"terms", c"the same struct_size in every term")
                    .in_term(k));
            }
            stride = size;
            *to = Some(term);
        }
        Ok(Self { raw, count })
    }

    /// Adds the byte ranges that the terms read.
    pub fn add_ranges(&self, classes: usize, ranges: &mut Ranges) {
        for term in self.raw.iter().flatten() {
            ranges.input(bytes(term.class_weight, classes), c"class_weight");
            ranges.input(bytes(term.top_k_search, 1), c"top_k_search");
            // SAFETY: `with_terms` has read the same tensor.
            if let Ok(Some(field)) = unsafe { tensor(&term.field, Data::Read, c"field") } {
                ranges.input(field.bytes(), c"field");
            }
        }
    }

    /// Calls `visit` with the terms.
    ///
    /// # Safety
    /// The pointers in the terms are NULL or valid as the comments of segloss_term say.
    pub unsafe fn with_terms(
        &self,
        classes: usize,
        data: Data,
        visit: TermsVisitor<'_>,
    ) -> Result<(), Error> {
        let mut terms = [const { None }; MAX_TERMS];
        for (k, (to, raw)) in terms.iter_mut().zip(self.raw.iter().flatten()).enumerate() {
            // SAFETY: the caller promises that the pointers are valid.
            *to = Some(unsafe { options(raw, classes, data) }.map_err(|e| e.in_term(k))?);
        }
        // SAFETY: the caller promises that the pointers are valid.
        unsafe { self.with_losses(0, terms, visit) }
    }

    /// Builds the losses of terms `k` and up, then calls `visit`.
    ///
    /// # Safety
    /// As [`Terms::with_terms`].
    unsafe fn with_losses(
        &self,
        k: usize,
        terms: [Option<Term<'_>>; MAX_TERMS],
        visit: TermsVisitor<'_>,
    ) -> Result<(), Error> {
        let Some(Some(raw)) = self.raw.get(k).filter(|_| k < self.count) else {
            // Every loss is built. Entries past `count` repeat the first term and are cut off.
            let [Some(first), rest @ ..] = terms else { return Ok(()) };
            let all = [first, rest[0].unwrap_or(first), rest[1].unwrap_or(first), rest[2].unwrap_or(first)];
            return visit(all.get(..self.count).unwrap_or(&[]));
        };
        // SAFETY: the caller promises that `loss` is NULL or the result of a getter, which is static.
        let loss = unsafe { raw.loss.as_ref() };
        let loss =
            loss.ok_or(Error::new(Status::NullPointer, c"loss", c"the result of a loss getter").in_term(k))?;
        check_unused(loss, raw).map_err(|error| error.in_term(k))?;
        let mut accepted = false;
        let result = (loss.with_loss)(raw, &mut |typed: &dyn Loss| {
            accepted = true;
            let mut with_this: [Option<Term<'_>>; MAX_TERMS] = terms;
            if let Some(Some(term)) = with_this.get_mut(k) {
                term.loss = typed;
            }
            // SAFETY: the caller promises that the pointers are valid.
            unsafe { self.with_losses(k + 1, with_this, visit) }
        });
        result.map_err(|error| if accepted { error } else { error.in_term(k) })
    }
}

/// The options of a term; its loss is a placeholder.
///
/// # Safety
/// As [`Terms::with_terms`].
unsafe fn options<'a>(raw: &segloss_term, classes: usize, data: Data) -> Result<Term<'a>, Error> {
    let has = |flag: i32| raw.flags & flag as u32 != 0;
    if raw.flags & !((SEGLOSS_MINUS_ONE | SEGLOSS_FIELD_COMPLETE | SEGLOSS_EXCLUDE_BACKGROUND) as u32) != 0 {
        return Err(unknown(c"flags", c"SEGLOSS_MINUS_ONE, _FIELD_COMPLETE and _EXCLUDE_BACKGROUND, or-ed"));
    }
    if raw.reserved != 0 {
        return Err(Error::new(Status::Parameter, c"reserved", c"0"));
    }
    let class_average = match raw.class_average as i32 {
        SEGLOSS_CLASS_MEAN => ClassAverage::Mean,
        SEGLOSS_CLASS_POOLED => ClassAverage::Pooled,
        other => {
            return Err(unknown(c"class_average", c"SEGLOSS_CLASS_MEAN or SEGLOSS_CLASS_POOLED")
                .with_given(other.into()));
        }
    };
    let sample_average = match raw.sample_average as i32 {
        SEGLOSS_SAMPLE_DEFAULT | SEGLOSS_SAMPLE_MEAN => SampleAverage::Mean,
        SEGLOSS_SAMPLE_POOLED => SampleAverage::Pooled,
        other => {
            return Err(unknown(c"sample_average", c"SEGLOSS_SAMPLE_DEFAULT, _MEAN or _POOLED")
                .with_given(other.into()));
        }
    };
    let absent = match raw.absent as i32 {
        SEGLOSS_ABSENT_COUNTED => AbsentClass::Counted,
        SEGLOSS_ABSENT_SKIPPED => AbsentClass::Skipped,
        other => {
            return Err(unknown(c"absent", c"SEGLOSS_ABSENT_COUNTED or SEGLOSS_ABSENT_SKIPPED")
                .with_given(other.into()));
        }
    };
    // SAFETY: the caller promises that the pointers are valid.
    let (class_weight, field, search) = unsafe {
        (
            slice(raw.class_weight, classes, c"class_weight")?,
            tensor(&raw.field, data, c"field")?.map(View::of),
            // The two structs have the same layout, which `structs` asserts.
            slice(raw.top_k_search.cast::<TopKSearch>(), 1, c"top_k_search")?,
        )
    };
    Ok(Term {
        minus_one: has(SEGLOSS_MINUS_ONE),
        exclude_background: has(SEGLOSS_EXCLUDE_BACKGROUND),
        field_complete: has(SEGLOSS_FIELD_COMPLETE),
        class_average,
        sample_average,
        absent,
        class_weight,
        field,
        top_k_search: search.and_then(<[_]>::first),
        ..Term::new(raw.weight, &Placeholder)
    })
}

/// The loss of a term before its own is built; never evaluated.
struct Placeholder;

impl crate::loss::region_loss::RegionLoss for Placeholder {
    fn evaluate(&self, _: &crate::loss::sums::ClassSums) -> (f64, crate::loss::sums::ClassSums) {
        (0.0, crate::loss::sums::ClassSums::ZERO)
    }
}

impl Loss for Placeholder {
    fn kind(&self) -> crate::loss::kind::LossKind<'_> {
        crate::loss::kind::LossKind::Region(self)
    }
}
