import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The table `account_import`: the imports that were begun, and those that are done. */
@Entity('account_import')
export class AccountImportEntity {
  /** A hash of all that is taken over. */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'account_import_pk' })
  id: string;

  /** The key that its secrets are encrypted and hashed with. */
  @Column('bytea', { name: 'key_id' })
  keyId: Buffer;

  @Column('timestamp with time zone', { name: 'date_created', precision: 3, default: () => 'now()' })
  dateCreated: Date;

  @Column('timestamp with time zone', { name: 'date_finished', precision: 3, nullable: true })
  dateFinished: Date | null;
}

/** The table `account_import_row`: what an import that is not done yet will take over. Nothing else reads it. */
@Entity('account_import_row')
export class AccountImportRowEntity {
  @PrimaryColumn({ type: 'text', name: 'import_id', collation: 'C', primaryKeyConstraintName: 'account_import_row_pk' })
  importId: string;

  /** Counts from 1, without gaps: parents before children. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'account_import_row_pk' })
  number: number;

  @Column({ type: 'text', collation: 'C' })
  kind: string;

  @Column('json')
  content: object;
}
