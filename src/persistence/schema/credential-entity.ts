import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { AccountEntity } from './account-entity.js';

/**
 * The table `credential`: how an account proves who it is. A table of its own, so that no list of accounts can carry a
 * secret by mistake. An account without a row here has no credentials: it is uninitialized without a password, or closed.
 */
@Entity('credential')
export class CredentialEntity {
  @ForeignKey(() => AccountEntity, { name: 'credential_account_fk' })
  @PrimaryColumn({ type: 'text', name: 'account_sid', collation: 'C', primaryKeyConstraintName: 'credential_pk' })
  accountSid: string;

  /** argon2id, in PHC's string format. */
  @Column({ type: 'text', name: 'password_hash' })
  passwordHash: string;

  /** AES-256-GCM, to show the token to those who may read it. */
  @Column('bytea', { name: 'token_ciphertext' })
  tokenCiphertext: Buffer;

  /** HMAC-SHA-256, to verify the token. */
  @Column('bytea', { name: 'token_hash' })
  tokenHash: Buffer;

  /** Since when the token is the one. */
  @Column('timestamp with time zone', { name: 'token_date', precision: 3, default: () => 'now()' })
  tokenDate: Date;

  /** The token before the last rotation, valid until its overlap ends. */
  @Column('bytea', { name: 'previous_token_hash', nullable: true })
  previousTokenHash: Buffer | null;

  @Column('timestamp with time zone', { name: 'previous_token_expires_at', precision: 3, nullable: true })
  previousTokenExpiresAt: Date | null;

  /** The hashes of those of the two tokens that are known to be random; nobody knows of a token that was made before this was kept. */
  @Column('bytea', { name: 'random_token_hashes', array: true, nullable: true })
  randomTokenHashes: Buffer[] | null;
}

/** The table `password_reset_token`: permission to set one account's password once. */
@Entity('password_reset_token')
export class PasswordResetTokenEntity {
  /** HMAC-SHA-256 of the token, which itself is kept nowhere. */
  @PrimaryColumn('bytea', { name: 'token_hash', primaryKeyConstraintName: 'password_reset_token_pk' })
  tokenHash: Buffer;

  @Index('password_reset_token_of_account')
  @ForeignKey(() => AccountEntity, { name: 'password_reset_token_account_fk' })
  @Column({ type: 'text', name: 'account_sid', collation: 'C' })
  accountSid: string;

  @Column('timestamp with time zone', { name: 'expires_at', precision: 3 })
  expiresAt: Date;
}
