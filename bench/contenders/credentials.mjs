import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

/*
 * How all contenders authenticate callers: as the gateway does, by HTTP Basic with SID and AuthToken, and by the keyed hash in the
 * table `credential`.
 */

const key = Buffer.from(process.env.CREDENTIALS_KEY, 'hex');
const derived = (purpose, length = 32) => Buffer.from(hkdfSync('sha256', key, '', purpose, length));
const keys = { id: derived('key id', 4), hash: derived('AuthToken verification'), encryption: derived('AuthToken encryption') };

/** The SID that a request claims, and the hash that the table holds if its AuthToken is right. */
export function claimOf({ headers }) {
  const claim = Buffer.from((headers.authorization ?? '').slice('Basic '.length), 'base64').toString('utf8');
  return {
    sid: claim.slice(0, claim.indexOf(':')),
    hash: Buffer.concat([keys.id, createHmac('sha256', keys.hash).update(claim).digest()]),
  };
}

/** Decrypts the AuthToken of an account. The ciphertext consists of version, key id, nonce, token and tag. */
export function authTokenOf(sid, ciphertext) {
  const decipher = createDecipheriv('aes-256-gcm', keys.encryption, ciphertext.subarray(5, 17), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(sid)).setAuthTag(ciphertext.subarray(-16));
  return decipher.update(ciphertext.subarray(17, -16), undefined, 'utf8') + decipher.final('utf8');
}

/**
 * The account that authenticates with the request, by one statement; undefined if the credentials are wrong. PostgreSQL compares the
 * hashes; the gateway compares them in constant time.
 */
export async function callerOf(request, pool) {
  const { sid, hash } = claimOf(request);
  const { rows } = await pool.query({ name: 'caller', text: callerStatement, values: [sid, hash] });
  return rows[0];
}

/** The account $1, if it is an active administrator and $2 is the hash of its AuthToken. */
export const callerStatement = `
  SELECT account.sid, account.path FROM account JOIN credential ON credential.account_sid = account.sid
  WHERE account.sid = $1 AND credential.token_hash = $2 AND account.status = 'active' AND account.role = 'Administrator'`;

/** Creates an account below the parent $1, if the caller, whose path is $2, can see that. */
export const insertStatement = `
  INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
  SELECT 'AC' || $3, parent.sid, CASE WHEN parent.parent_sid IS NULL THEN 'AC' || $3 ELSE parent.top_level_sid END,
         parent.path || $3, parent.organization_sid, $4, $5, 'Full', 'uninitialized', 'Developer'
  FROM account AS parent WHERE parent.sid = $1 AND starts_with(parent.path, $2) AND parent.status = 'active'
  RETURNING sid, email_address AS "emailAddress", friendly_name AS "friendlyName", status, role`;
