-- Who brought a person in, and who last gave it roles: neither is ever that person's second person.
ALTER TABLE users ADD COLUMN invited_by BIGINT;
ALTER TABLE users ADD COLUMN roles_by BIGINT;

-- From the audit. What a second person agreed to was the asker's. Earlier changes count whether they gave or took.
UPDATE users SET invited_by = x.asker FROM (
    SELECT (a.outcome::json #>> '{body,user_id}')::bigint AS person, CASE a.command WHEN 'invite_user' THEN a.user_id ELSE p.maker_id END AS asker
    FROM audit a LEFT JOIN approvals p ON a.command = 'decide_approval' AND p.id = (a.outcome::json #>> '{body,approval_id}')::bigint
    WHERE (a.command = 'invite_user' OR (a.command = 'decide_approval' AND (a.outcome::json #>> '{body,command}') = 'invite_user')) AND (a.outcome::json #>> '{body,user_id}')::bigint IS NOT NULL
) x WHERE x.person = users.id;
UPDATE users SET roles_by = x.asker FROM (
    SELECT a.seq, (a.outcome::json #>> '{body,user_id}')::bigint AS person, CASE a.command WHEN 'change_user' THEN a.user_id ELSE p.maker_id END AS asker
    FROM audit a LEFT JOIN approvals p ON a.command = 'decide_approval' AND p.id = (a.outcome::json #>> '{body,approval_id}')::bigint
    WHERE a.seq IN (
        SELECT MAX(b.seq) FROM audit b LEFT JOIN approvals q ON b.command = 'decide_approval' AND q.id = (b.outcome::json #>> '{body,approval_id}')::bigint
        WHERE (b.command = 'change_user' OR (b.command = 'decide_approval' AND (b.outcome::json #>> '{body,command}') = 'change_user'))
            AND (b.outcome::json #>> '{body,user_id}')::bigint <> CASE b.command WHEN 'change_user' THEN b.user_id ELSE q.maker_id END
        GROUP BY (b.outcome::json #>> '{body,user_id}')::bigint)
) x WHERE x.person = users.id;
