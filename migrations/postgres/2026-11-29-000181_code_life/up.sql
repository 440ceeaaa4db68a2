-- Until when the code of a one-time link is good: it lives for minutes, the link for days. A code of before is good no longer.
ALTER TABLE confirmation_links ADD COLUMN code_until TIMESTAMP;
