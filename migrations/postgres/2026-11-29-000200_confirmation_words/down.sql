DROP INDEX confirmations_words;
