import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The default profile enables the features that existing consoles look for (SPEC §4). Until now it was empty and could not be changed. */
export class DefaultProfile1700000035200 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`UPDATE profile SET document = $1, date_updated = now() WHERE sid = $2 AND document = '{}'`, [
      '{"featureEnablement":{"DIDPurchase":{},"subaccountsCreation":{},"outboundPSTN":{},"inboundPSTN":{},"outboundSMS":{},"inboundSMS":{},"asr":{},"USSD":{},"inboundUSSD":{},"outboundUSSD":{}}}',
      'PRae6e420f425248d6a26948c17a9e2acf',
    ]);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`UPDATE profile SET document = '{}' WHERE sid = 'PRae6e420f425248d6a26948c17a9e2acf'`);
  }
}
