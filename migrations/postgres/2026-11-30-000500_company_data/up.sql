-- What else is known of a company: where its people are written to, the numbers by which files name it, and its postal address in parts.
ALTER TABLE parties ADD COLUMN contact_email TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN gln TEXT NOT NULL DEFAULT '';
-- Electronic address: the scheme of the CEF's list (EAS), and the id within it.
ALTER TABLE parties ADD COLUMN endpoint_scheme TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN endpoint_id TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN street TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN building TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN postcode TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN town TEXT NOT NULL DEFAULT '';
ALTER TABLE parties ADD COLUMN address_country TEXT NOT NULL DEFAULT '';
-- Under which key its invoices are compared with each other, whatever becomes of its tax id; empty: its tax key.
ALTER TABLE parties ADD COLUMN series_key TEXT NOT NULL DEFAULT '';

-- What a company's data were before each correction, and from when until when.
CREATE TABLE company_versions (
    id BIGINT PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    tax_id TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    contact_email TEXT NOT NULL,
    gln TEXT NOT NULL,
    endpoint_scheme TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    street TEXT NOT NULL,
    building TEXT NOT NULL,
    postcode TEXT NOT NULL,
    town TEXT NOT NULL,
    address_country TEXT NOT NULL,
    since TIMESTAMP NOT NULL,
    until TIMESTAMP NOT NULL,
    -- Who asked for the correction that ended them, who agreed, and why.
    asked_by BIGINT NOT NULL REFERENCES users (id),
    agreed_by BIGINT REFERENCES users (id),
    reason TEXT NOT NULL
);
CREATE INDEX company_versions_party ON company_versions (party_id, id);
CREATE INDEX company_versions_asked_by ON company_versions (asked_by);
CREATE INDEX company_versions_agreed_by ON company_versions (agreed_by);
CREATE TRIGGER company_versions_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON company_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
