-- No two confirmations have the same words: that is looked up at each.
CREATE INDEX confirmations_words ON confirmations (words_hash);
