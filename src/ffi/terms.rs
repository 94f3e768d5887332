//! Terms of C become terms of Rust, each form lent from its own stack frame: four terms nest four deep.

use super::codes::*;
use super::losses::{check_unused, unknown};
use super::overlap::{Ranges, bytes};
use super::read::{Data, read, slice, tensor};
use super::structs::segloss_term;
use crate::{
    AbsentClass, ClassAverage, Error, Loss, MAX_TERMS, SampleAverage, Status, Term, TopKSearch, View,
};

/// What is done with the terms.
type Then<'a> = &'a mut dyn FnMut(&[Term<'_>]) -> Result<(), Error>;

/// The terms of a call as C gave them.
pub(super) struct Terms {
    raw: [Option<segloss_term>; MAX_TERMS],
    count: usize,
}

impl Terms {
    /// Copies an array of terms, whose stride is the size of the first.
    ///
    /// # Safety
    /// `terms` is NULL or readable for `count` structs of the size that the first one says.
    pub unsafe fn read(terms: *const segloss_term, count: usize) -> Result<Self, Error> {
        if count == 0 || count > MAX_TERMS {
            return Err(Error::new(Status::Parameter, c"n_terms", c"1 to 4 terms").with_given(count as f64));
        }
        let mut raw = [None; MAX_TERMS];
        let mut stride = 0;
        for (k, to) in raw.iter_mut().enumerate().take(count) {
            // SAFETY: promised by the caller.
            let (term, size) = unsafe { read(terms.byte_add(k * stride)) }.map_err(|e| e.in_term(k))?;
            if k > 0 && size != stride {
                return Err(Error::new(Status::StructSize, c"terms", c"one size for all terms").in_term(k));
            }
            stride = size;
            *to = Some(term);
        }
        Ok(Self { raw, count })
    }

    /// Notes the bytes that the terms read.
    pub fn note(&self, classes: usize, ranges: &mut Ranges) {
        for term in self.raw.iter().flatten() {
            ranges.input(bytes(term.class_weight, classes), c"class_weight");
            ranges.input(bytes(term.top_k_search, 1), c"select");
            // SAFETY: `with` has read the same tensor before.
            if let Ok(Some(field)) = unsafe { tensor(&term.field, Data::Read, c"field") } {
                ranges.input(field.bytes(), c"field");
            }
        }
    }

    /// Calls `then` with the terms.
    ///
    /// # Safety
    /// The pointers in the terms are NULL or readable as the header says.
    pub unsafe fn with(&self, classes: usize, data: Data, then: Then<'_>) -> Result<(), Error> {
        let mut terms = [const { None }; MAX_TERMS];
        for (k, (to, raw)) in terms.iter_mut().zip(self.raw.iter().flatten()).enumerate() {
            // SAFETY: promised by the caller.
            *to = Some(unsafe { options(raw, classes, data) }.map_err(|e| e.in_term(k))?);
        }
        // SAFETY: promised by the caller.
        unsafe { self.lend(0, terms, then) }
    }

    /// Lends the forms from number `k` on.
    unsafe fn lend(
        &self,
        k: usize,
        terms: [Option<Term<'_>>; MAX_TERMS],
        then: Then<'_>,
    ) -> Result<(), Error> {
        let Some(Some(raw)) = self.raw.get(k).filter(|_| k < self.count) else {
            // All there: from options to terms, without a default that could be mistaken for one.
            let [Some(first), rest @ ..] = terms else { return Ok(()) };
            let all = [first, rest[0].unwrap_or(first), rest[1].unwrap_or(first), rest[2].unwrap_or(first)];
            return then(all.get(..self.count).unwrap_or(&[]));
        };
        // SAFETY: a form comes from a getter and is static, or is NULL.
        let form = unsafe { raw.loss.as_ref() };
        let form = form.ok_or(Error::new(Status::NullPointer, c"form", c"one of the forms").in_term(k))?;
        check_unused(form, raw).map_err(|error| error.in_term(k))?;
        let mut accepted = false;
        let lent = (loss.with_loss)(raw, &mut |form: &dyn Loss| {
            accepted = true;
            let mut longer: [Option<Term<'_>>; MAX_TERMS] = terms;
            if let Some(Some(term)) = longer.get_mut(k) {
                term.loss = form;
            }
            // SAFETY: promised by the caller.
            unsafe { self.lend(k + 1, longer, then) }
        });
        lent.map_err(|error| if accepted { error } else { error.in_term(k) })
    }
}

/// A term without its form yet.
///
/// # Safety
/// As [`Terms::with`].
unsafe fn options<'a>(raw: &segloss_term, classes: usize, data: Data) -> Result<Term<'a>, Error> {
    let has = |flag: i32| raw.flags & flag as u32 != 0;
    if raw.flags & !((SEGLOSS_MINUS_ONE | SEGLOSS_FIELD_COMPLETE | SEGLOSS_EXCLUDE_BACKGROUND) as u32) != 0 {
        return Err(unknown(c"flags", c"SEGLOSS_MINUS_ONE, _FIELD_COMPLETE and _NO_BACKGROUND, or-ed"));
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
    // SAFETY: promised by the caller.
    let (class_weight, field, select) = unsafe {
        (
            slice(raw.class_weight, classes, c"class_weight")?,
            tensor(&raw.field, data, c"field")?.map(View::of),
            // The two structs have one layout, asserted in `structs`.
            slice(raw.top_k_search.cast::<TopKSearch>(), 1, c"select")?,
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
        select: select.and_then(<[_]>::first),
        ..Term::new(raw.weight, &Unnamed)
    })
}

/// Stands where a form will be lent.
struct Unnamed;

impl crate::RegionLoss for Unnamed {
    fn evaluate(&self, _: &crate::ClassSums) -> (f64, crate::ClassSums) {
        (0.0, crate::ClassSums::ZERO)
    }
}

impl Loss for Unnamed {
    fn kind(&self) -> crate::LossKind<'_> {
        crate::LossKind::Region(self)
    }
}
