//! `uniffi-bindgen generate LIBRARY --language kotlin --out-dir DIR`, of the version that the library was built with.

fn main() {
    uniffi::uniffi_bindgen_main();
}
