//! A loss of segloss as an operation of candle, with its own backward pass.
use candle_core::*;
use segloss::{
    Activation, Batch, Element, Gradient, Term, View, ViewMut, differentiate, evaluate, scratch_len,
};

/// The weighted sum of one to four losses of any family: logits `[B, C, …]` in f32 or f64, labels `[B, …]`; a scalar.
#[derive(Clone)]
pub struct Loss {
    pub terms: Vec<Term<'static>>,
    pub activation: Activation,
    pub labels: Vec<u8>,
}

impl Loss {
    /// The value; writes the gradient, in C order and times the factor, where there is an output.
    fn run<T: Element>(&self, logits: &[T], layout: &Layout, output: Option<(f64, &mut [T])>) -> Result<f64> {
        let (shape, terms) = (layout.dims(), &self.terms);
        let strides: Vec<isize> = layout.stride().iter().map(|&stride| stride as isize).collect();
        let evaluated = View::strided(logits, layout.start_offset(), shape, &strides).and_then(|logits| {
            let labels = View::new(&self.labels, &[&shape[..1], &shape[2..]].concat())?;
            let batch = Batch::new(logits, self.activation, labels);
            let scratch = &mut vec![0; scratch_len(&batch, terms)?];
            let Some((scale, gradient)) = output else { return evaluate(&batch, terms, scratch) };
            let gradient = Gradient { scale, ..Gradient::new(ViewMut::new(gradient, shape)?) };
            differentiate(&batch, terms, gradient, scratch)
        });
        evaluated.map_err(Error::wrap)
    }

    fn gradient<T: Element + WithDType>(&self, logits: &[T], layout: &Layout, scale: f64) -> Result<Tensor> {
        let mut gradient = vec![T::zero(); layout.shape().elem_count()];
        self.run(logits, layout, Some((scale, &mut gradient)))?;
        Tensor::from_vec(gradient, layout.shape(), &Device::Cpu)
    }
}

impl CustomOp1 for Loss {
    fn name(&self) -> &'static str {
        "segloss"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let value = match storage {
            CpuStorage::F32(logits) => CpuStorage::F32(vec![self.run(logits, layout, None)? as f32]),
            CpuStorage::F64(logits) => CpuStorage::F64(vec![self.run(logits, layout, None)?]),
            _ => bail!("segloss: logits in f32 or f64"),
        };
        Ok((value, Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        let scale = upstream.to_dtype(DType::F64)?.to_scalar()?;
        match (&*logits.storage_and_layout().0, logits.layout()) {
            (Storage::Cpu(CpuStorage::F32(logits)), layout) => self.gradient(logits, layout, scale).map(Some),
            (Storage::Cpu(CpuStorage::F64(logits)), layout) => self.gradient(logits, layout, scale).map(Some),
            _ => bail!("segloss: logits in f32 or f64, in host memory"),
        }
    }
}
