//! The pass before a tree is built, beside the builder: what the builder takes is counted as it counts, or refused for what it costs.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let passed = formats::scan::check(text, 300_000);
    if let (Ok(count), Ok(tree)) = (passed, roxmltree::Document::parse(text)) {
        assert_eq!(count.nodes, tree.descendants().count());
    }
});
