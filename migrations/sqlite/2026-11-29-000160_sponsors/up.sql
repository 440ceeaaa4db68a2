-- Who brought a person in, and who last gave it roles: neither is ever that person's second person.
ALTER TABLE users ADD COLUMN invited_by BIGINT;
ALTER TABLE users ADD COLUMN roles_by BIGINT;

-- From the audit. What a second person agreed to was the asker's. Earlier changes count whether they gave or took.
UPDATE users SET invited_by = x.asker FROM (
    SELECT json_extract(a.outcome, '$.body.user_id') AS person, CASE a.command WHEN 'invite_user' THEN a.user_id ELSE p.maker_id END AS asker
    FROM audit a LEFT JOIN approvals p ON a.command = 'decide_approval' AND p.id = json_extract(a.outcome, '$.body.approval_id')
    WHERE (a.command = 'invite_user' OR (a.command = 'decide_approval' AND json_extract(a.outcome, '$.body.command') = 'invite_user')) AND json_extract(a.outcome, '$.body.user_id') IS NOT NULL
) x WHERE x.person = users.id;
UPDATE users SET roles_by = x.asker FROM (
    SELECT a.seq, json_extract(a.outcome, '$.body.user_id') AS person, CASE a.command WHEN 'change_user' THEN a.user_id ELSE p.maker_id END AS asker
    FROM audit a LEFT JOIN approvals p ON a.command = 'decide_approval' AND p.id = json_extract(a.outcome, '$.body.approval_id')
    WHERE a.seq IN (
        SELECT MAX(b.seq) FROM audit b LEFT JOIN approvals q ON b.command = 'decide_approval' AND q.id = json_extract(b.outcome, '$.body.approval_id')
        WHERE (b.command = 'change_user' OR (b.command = 'decide_approval' AND json_extract(b.outcome, '$.body.command') = 'change_user'))
            AND json_extract(b.outcome, '$.body.user_id') <> CASE b.command WHEN 'change_user' THEN b.user_id ELSE q.maker_id END
        GROUP BY json_extract(b.outcome, '$.body.user_id'))
) x WHERE x.person = users.id;
