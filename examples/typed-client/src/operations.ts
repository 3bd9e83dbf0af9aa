import { graphql } from './gql/gql.js';

/** What every operation here reads of an account. `id` lets the cache know it again wherever it comes from. */
export const AccountFields = graphql(`
  fragment AccountFields on Account {
    id
    sid
    emailAddress
    friendlyName
    type
    status
    version
  }
`);

export const Viewer = graphql(`
  query Viewer {
    viewer {
      ...AccountFields
    }
  }
`);

export const AccountBySid = graphql(`
  query AccountBySid($sid: ID!) {
    account(by: { sid: $sid }) {
      ...AccountFields
    }
  }
`);

/** One page of the accounts below another one. */
export const SubAccounts = graphql(`
  query SubAccounts($sid: ID!, $first: Int!, $after: String, $filter: AccountFilter, $orderBy: AccountOrder) {
    account(by: { sid: $sid }) {
      id
      subAccounts(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
        edges {
          node {
            ...AccountFields
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const CreateAccount = graphql(`
  mutation CreateAccount($input: CreateAccountInput!) {
    createAccount(input: $input) {
      account {
        ...AccountFields
      }
    }
  }
`);

export const UpdateAccount = graphql(`
  mutation UpdateAccount($input: UpdateAccountInput!) {
    updateAccount(input: $input) {
      account {
        ...AccountFields
      }
    }
  }
`);

export const CloseAccount = graphql(`
  mutation CloseAccount($input: CloseAccountInput!) {
    closeAccount(input: $input) {
      reachedCount
      account {
        ...AccountFields
      }
    }
  }
`);

/** The first event of an account and everything below it: a place to follow from. */
export const FirstEvent = graphql(`
  query FirstEvent($sid: ID!) {
    events(accountSid: $sid, first: 1) {
      pageInfo {
        endCursor
      }
    }
  }
`);

export const AccountEvents = graphql(`
  subscription AccountEvents($sid: ID!, $after: ID) {
    accountEvents(accountSid: $sid, after: $after) {
      id
      type
      timestamp
      data {
        account {
          sid
        }
        reached
      }
    }
  }
`);
