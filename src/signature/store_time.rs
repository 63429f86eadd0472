//! The one call of OpenSSL that the safe interface lacks: the time at which a path is judged.
//!
//! # Why
//! [`openssl::x509::verify::X509VerifyParam`] can carry a time, but only into a whole store; a verdict has a time of
//! its own and the store of anchors is built once for all. Without this call each verdict would build a store.

#![expect(unsafe_code, reason = "a declaration and a call; the pointer comes from the safe wrapper's live reference")]

use foreign_types_shared::ForeignTypeRef;
use openssl::x509::X509StoreContextRef;

/// `time_t`, as on every 64-bit Unix that the program is built for.
type Seconds = i64;

unsafe extern "C" {
    /// `X509_STORE_CTX_set_time(3)`; the flags are unused.
    fn X509_STORE_CTX_set_time(context: *mut openssl_sys::X509_STORE_CTX, flags: std::ffi::c_ulong, time: Seconds);
}

/// Sets the time at which this path, and no other, is judged: seconds since 1970 UTC.
pub fn set_time(context: &mut X509StoreContextRef, seconds: Seconds) {
    // SAFETY: the context is initialised and exclusively borrowed; the call writes one number into its parameters.
    unsafe { X509_STORE_CTX_set_time(context.as_ptr(), 0, seconds) }
}
