import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { AccountEntity } from './account-entity.js';

/**
 * The table `credential`: what verifies an account's password and AuthToken. It is a table of its own, so that no list of accounts can
 * contain a secret by mistake. An account without a row has no credentials: it never had a password, or is closed.
 */
@Entity('credential')
export class CredentialEntity {
  @ForeignKey(() => AccountEntity, { name: 'credential_account_fk' })
  @PrimaryColumn({ type: 'text', name: 'account_sid', collation: 'C', primaryKeyConstraintName: 'credential_pk' })
  accountSid: string;

  /** argon2id, in PHC's string format. */
  @Column({ type: 'text', name: 'password_hash' })
  passwordHash: string;

  /** AES-256-GCM. The token can be shown to those who may read it. */
  @Column('bytea', { name: 'token_ciphertext' })
  tokenCiphertext: Buffer;

  /** HMAC-SHA-256. It verifies the token. */
  @Column('bytea', { name: 'token_hash' })
  tokenHash: Buffer;

  /** Since when the account has the token. */
  @Column('timestamp with time zone', { name: 'token_date', precision: 3, default: () => 'now()' })
  tokenDate: Date;

  /** The token before the last rotation, which is valid until the overlap ends. */
  @Column('bytea', { name: 'previous_token_hash', nullable: true })
  previousTokenHash: Buffer | null;

  @Column('timestamp with time zone', { name: 'previous_token_expires_at', precision: 3, nullable: true })
  previousTokenExpiresAt: Date | null;

  /** Which of the two tokens are known to be random, by their hashes. Null for tokens that are older than this column. */
  @Column('bytea', { name: 'random_token_hashes', array: true, nullable: true })
  randomTokenHashes: Buffer[] | null;
}

/** The table `password_reset_token`: one-time secrets, each of which sets the password of one account. */
@Entity('password_reset_token')
export class PasswordResetTokenEntity {
  /** HMAC-SHA-256 of the token. The token itself is not stored. */
  @PrimaryColumn('bytea', { name: 'token_hash', primaryKeyConstraintName: 'password_reset_token_pk' })
  tokenHash: Buffer;

  @Index('password_reset_token_of_account')
  @ForeignKey(() => AccountEntity, { name: 'password_reset_token_account_fk' })
  @Column({ type: 'text', name: 'account_sid', collation: 'C' })
  accountSid: string;

  @Column('timestamp with time zone', { name: 'expires_at', precision: 3 })
  expiresAt: Date;
}
