import type { DataSource } from 'typeorm';

/** How far the database's clock is ahead of ours, in seconds: negative when it is behind. As exact as the answer is quick. */
export async function clockDifference(dataSource: DataSource): Promise<number> {
  const asked = new Date().getTime();
  const [{ now }] = await dataSource.query<[{ now: Date }]>('SELECT clock_timestamp() AS now');
  const answered = new Date().getTime();
  return (now.getTime() - (asked + answered) / 2) / 1000;
}
