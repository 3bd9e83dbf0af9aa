import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Profiles, their links, and the default profile (SPEC §2). */
export class Profiles1700000001000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE profile (
        sid          text COLLATE "C" NOT NULL,
        document     text NOT NULL,
        date_created timestamptz(3) NOT NULL DEFAULT now(),
        date_updated timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT profile_pk PRIMARY KEY (sid),
        CONSTRAINT profile_document_length CHECK (octet_length(document) <= 1048576)
      )`);
    await queryRunner.query(`CREATE INDEX profile_by_date ON profile (date_created, sid)`);
    for (const owner of ['account', 'organization']) {
      await queryRunner.query(`
        CREATE TABLE ${owner}_profile (
          ${owner}_sid text COLLATE "C" NOT NULL,
          profile_sid text COLLATE "C" NOT NULL,
          CONSTRAINT ${owner}_profile_pk PRIMARY KEY (${owner}_sid),
          CONSTRAINT ${owner}_profile_${owner}_fk FOREIGN KEY (${owner}_sid) REFERENCES ${owner} (sid),
          CONSTRAINT ${owner}_profile_profile_fk FOREIGN KEY (profile_sid) REFERENCES profile (sid) ON DELETE CASCADE
        )`);
      await queryRunner.query(`CREATE INDEX ${owner}_profile_of_profile ON ${owner}_profile (profile_sid)`);
    }
    await queryRunner.query(`INSERT INTO profile (sid, document) VALUES ('PRae6e420f425248d6a26948c17a9e2acf', '{}')`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE account_profile, organization_profile, profile`);
  }
}
